import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ConnectionTable, type TabledConnection } from '../../src/listener/connection-table.ts'

class FakeConnection implements TabledConnection {
  slot = -1
  idleSince: number
  lasting = false
  unread = false
  isUnused = false

  constructor(idleSince: number) {
    this.idleSince = idleSince
  }

  hasUnread(): boolean {
    return this.unread
  }

  tick(): void {}
}

type Step = ['add' | 'delete' | 'last' | 'return', number]

const step = fc.tuple(fc.constantFrom<Step[0]>('add', 'add', 'delete', 'last', 'return'), fc.nat(50))

test('with any sequence of connections each is at its index, and long-lived ones come after all others', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new ConnectionTable<FakeConnection>()
      const open: FakeConnection[] = []
      for (const [what, at] of steps) {
        const connection = open[at % Math.max(1, open.length)]
        if (what === 'add') {
          const added = new FakeConnection(at)
          open.push(added)
          table.add(added)
        } else if (connection === undefined) continue
        else if (what === 'delete') {
          open.splice(open.indexOf(connection), 1)
          expect([table.delete(connection), table.delete(connection)]).toEqual([true, false])
        } else {
          connection.lasting = what === 'last'
          table.setLasting(connection, connection.lasting)
        }
        const list = table.list()
        expect(new Set(list)).toEqual(new Set(open))
        expect(list.map(({ slot }) => slot)).toEqual(list.map((_, slot) => slot))
        const kinds = list.map(({ lasting }) => lasting)
        expect(kinds).toEqual([...kinds.filter((lasting) => !lasting), ...kinds.filter((lasting) => lasting)])
      }
    }),
  )
})

test('the idlest connection is found among any number of long-lived ones', () => {
  const table = new ConnectionTable<FakeConnection>()
  const idle = [new FakeConnection(7), new FakeConnection(5), new FakeConnection(Number.POSITIVE_INFINITY)]
  for (let n = 0; n < 1_000; n++) {
    const lasting = new FakeConnection(Number.POSITIVE_INFINITY)
    table.add(lasting)
    table.setLasting(lasting, true)
  }
  for (const connection of idle) table.add(connection)
  expect(table.idlest(10)).toBe(idle[1])
  expect(table.idlest(4)).toBeUndefined()
})

test('a connection whose request has arrived is not idle, even if it was not read yet', () => {
  const table = new ConnectionTable<FakeConnection>()
  const connections = [7, 5, 6].map((idleSince) => new FakeConnection(idleSince))
  for (const connection of connections) table.add(connection)
  connections[1]!.unread = true
  expect(table.idlest(10)).toBe(connections[2])
  for (const connection of connections) connection.unread = true
  expect(table.idlest(10)).toBeUndefined()
})

test('the idlest of those that were never used is found among others', () => {
  const table = new ConnectionTable<FakeConnection>()
  const connections = [5, 7, 6].map((idleSince) => new FakeConnection(idleSince))
  for (const connection of connections) table.add(connection)
  expect(table.idlest(10, true)).toBeUndefined()
  for (const connection of connections.slice(1)) connection.isUnused = true
  expect(table.idlest(10, true)).toBe(connections[2])
})
