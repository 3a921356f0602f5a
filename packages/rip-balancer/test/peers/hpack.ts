/** Decodes what python3-hpack encodes, and has it decode what is encoded here. Needs that Debian package, and is run by `bun run peers`. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { HpackEncoder, maxBlockBytes } from '../../src/http2/hpack/hpack-encoder.ts'
import { decoded, newDecoder, type Field } from '../http2/hpack/decoding.ts'

setDefaultTimeout(60_000)

const ROUNDS = 500
/** Reads blocks here as JSON, one array of fields a line, and writes them with its own encoder; or decodes lines of hexadecimal digits. */
const PYTHON = `
import json, sys
from hpack import Decoder, Encoder
encoder, decoder = Encoder(), Decoder()
latin1 = lambda text: text.encode('latin-1')
for number, line in enumerate(sys.stdin):
    fields, block = json.loads(line)
    if number % 50 == 49: encoder.header_table_size = 4096 - number
    read = decoder.decode(bytes.fromhex(block), raw=True)
    mine = encoder.encode([(latin1(n), latin1(v)) for n, v in fields], huffman=number % 3 > 0)
    print(json.dumps([[[n.decode('latin-1'), v.decode('latin-1')] for n, v in read], mine.hex()]))
`

/** The same numbers each time (a linear congruence). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.trunc((state / 2 ** 32) * below)
  }
}

function someFields(random: (below: number) => number): Field[] {
  const names = [
    'content-type',
    'date',
    'x-one',
    'x-two',
    'cookie',
    'server',
    'etag',
    'vary',
    'x-three-of-many',
  ]
  return Array.from({ length: random(12) }, () => {
    const octets = Array.from({ length: random(60) }, () => String.fromCharCode(random(256)))
    return [names[random(names.length)]!, random(3) > 0 ? `value ${random(12)}` : octets.join('')] as const
  })
}

function encoded(encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  const out = Buffer.alloc(maxBlockBytes(fields.length, 10_000))
  encoder.begin(out, 0)
  for (const [name, value] of fields) {
    const bytes = Buffer.from(value, 'latin1')
    encoder.field(Buffer.from(name), 0, name.length, bytes, 0, bytes.length)
  }
  return out.subarray(0, encoder.at)
}

test('python3-hpack and the codec here read what the other writes, block after block', async () => {
  const random = numbers(20_261_129)
  const encoder = new HpackEncoder(4096)
  const blocks = Array.from({ length: ROUNDS }, () => someFields(random))
  const input = blocks.map((fields) => JSON.stringify([fields, encoded(encoder, fields).toString('hex')]))
  const child = Bun.spawn(['/usr/bin/python3', '-c', PYTHON], {
    stdin: new Blob([`${input.join('\n')}\n`]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [said, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect([await child.exited, complaint]).toEqual([0, ''])
  const answers = said.trim().split('\n')
  expect(answers).toHaveLength(ROUNDS)
  const decoder = newDecoder({ maxListBytes: 1e6 })
  for (const [round, answer] of answers.entries()) {
    const [read, block] = JSON.parse(answer) as [Field[], string]
    expect(read).toEqual(blocks[round]!)
    expect(decoded(decoder, Buffer.from(block, 'hex'))).toEqual({
      result: 'complete',
      fields: blocks[round]!,
    })
  }
})
