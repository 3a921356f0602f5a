import { expect, test } from 'bun:test'
import { encode } from 'uqr'
import { qrCode } from '../src/terminal/qr-code.ts'

const URL = 'http://192.168.1.7:3000'

test('each module of the code is half a character, light ones are drawn', async () => {
  const lines = await qrCode(URL, false)
  const { data } = encode(URL, { ecc: 'L', border: 2 })
  const drawn = lines.flatMap((line) => [
    Array.from(line).map((each) => !'█▀'.includes(each)),
    Array.from(line).map((each) => !'█▄'.includes(each)),
  ])
  expect(drawn.slice(0, data.length)).toEqual(data)
})

test('with colours it is black on white on any terminal, and as wide as without', async () => {
  const [colored = ''] = await qrCode(URL, true)
  const [plain = ''] = await qrCode(URL, false)
  expect(colored).toStartWith('\u001b[97;40m')
  expect(Bun.stringWidth(colored)).toBe(plain.length)
})
