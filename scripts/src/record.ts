/**
 * Records the session in a terminal that the README shows: a real run of the sources in this repository, played in two panes
 * of tmux(1). Writes what the terminal got as an asciicast, and the picture that is made of it.
 *
 *   bun scripts/src/record.ts             plays, records and draws; port 3000 has to be free
 *   bun scripts/src/record.ts --port N    the same on another port
 *   bun scripts/src/record.ts --draw      draws the asciicast that is there
 */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { castText, readCast } from './recording/cast.ts'
import { drawing } from './recording/drawing.ts'
import { play } from './recording/play.ts'
import { record } from './recording/stage.ts'

const docs = resolve(import.meta.dir, '../../docs')
const castFile = join(docs, 'recording.cast')

const { values } = parseArgs({
  options: { port: { type: 'string', default: '3000' }, draw: { type: 'boolean', default: false } },
})
if (!values.draw) {
  const cast = await record((stage) => play(stage, Number(values.port)))
  await writeFile(castFile, castText(cast))
}
const cast = readCast(await Bun.file(castFile).text())
await writeFile(join(docs, 'recording.svg'), await drawing(cast))
