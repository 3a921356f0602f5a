/**
 * What a developer sees in a browser while saving, with Debian's Chromium: `bun run browser` installs it where it is missing.
 * Pictures of the overlay are written to the folder that `RIP_PICTURES` names.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { median, until } from '@rip/testing'
import { Sandbox, type Server } from '../server.ts'

setDefaultTimeout(300_000)

const OVERLAY = 'rip-live dialog'
const OVERLAY_MS = 500
const SAVES = 50
const TIMED = 7
/** Without them, Chromium's own connections are refused by closed networks, many at a time. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const FILES: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "pages", "type": "module" }',
  'title.ts': "export const title = 'first'\n",
  'index.ts': `import { title } from './title.ts'

const page = (body: string, head = '') =>
  \`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">\${head}<title>\${title}</title></head><body>\${body}</body></html>\`

const FORM = '<form method="post" action="/posted"><input name="name" id="name"><input type="checkbox" name="ok"><select name="size"><option>S<option>L</select><textarea name="text"></textarea><input type="password" name="secret"><button>send</button></form>'

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const headers: Record<string, string> = { 'content-type': 'text/html; charset=utf-8' }
    if (pathname === '/late') {
      setTimeout(() => Promise.reject(new TypeError('the mail was not sent')), 1)
      return new Response('later')
    }
    if (pathname === '/nonce') headers['content-security-policy'] = "default-src 'none'; script-src 'nonce-abc123'; connect-src 'self'; style-src 'self'"
    if (pathname === '/strict') headers['content-security-policy'] = "default-src 'self'; require-trusted-types-for 'script'"
    if (pathname === '/comment') return new Response(\`<!doctype html><!-- <head><body> --><html><!--<head>--><head><meta charset="utf-8"></head><h1>\${title}</h1>\`, { headers })
    if (pathname === '/headless') return new Response(\`<!doctype html>\\n<meta charset="utf-8"><h1>\${title}</h1>\`, { headers })
    const tall = pathname === '/tall' ? '<div style="height:4000px"></div>' : ''
    return new Response(page(\`<h1>\${title}</h1><img src="/dot.svg" alt="">\${tall}\${FORM}\`), { headers })
  },
}
`,
  'public/style.css': 'h1 { color: rgb(1, 2, 3) }\n',
  'public/dot.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>',
}

let browser: Browser
let sandbox: Sandbox
let server: Server
let folder: string
let context: BrowserContext

const save = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text)
const saveTitle = (title: string): Promise<void> => save('title.ts', `export const title = '${title}'\n`)
const breakTitle = (): Promise<void> => save('title.ts', "export const title = 'broken\n")
/** Saves broken code, and waits until the overlay is there. */
async function breakAndSee(page: Page): Promise<void> {
  await breakTitle()
  await page.locator(OVERLAY).waitFor()
}

/** Looks at each frame for the overlay, as locators look again after up to half a second. Not where a policy forbids `eval`. */
async function sees(page: Page): Promise<void> {
  await page.waitForFunction(
    `document.querySelector('rip-live')?.shadowRoot.querySelector('dialog[open]') != null`,
    undefined,
    { polling: 'raf' },
  )
}

const titleOf = async (page: Page): Promise<string | null> => page.locator('h1').textContent()

/** Calls back each time the page is loaded. */
function loads(page: Page): { count: number } {
  const counted = { count: 0 }
  page.on('domcontentloaded', () => counted.count++)
  return counted
}

/** Opens a page and waits until it hears the server. */
async function open(path = '/', within = context): Promise<Page> {
  const page = await within.newPage()
  await page.goto(server.url + path)
  await hears(page)
  return page
}

/**
 * The script of the page runs. Policies of pages forbid to wait for that within the page, and a page that reloads meanwhile
 * has no answer.
 */
async function hears(page: Page): Promise<void> {
  await until('the script runs', () => page.evaluate<boolean>("'ripLive' in globalThis").catch(() => false))
}

async function showsTitle(page: Page, title: string): Promise<void> {
  await page.locator('h1').getByText(title, { exact: true }).waitFor()
}

async function hasColour(page: Page, colour: string): Promise<void> {
  await page.waitForFunction(`getComputedStyle(document.querySelector('h1')).color === '${colour}'`)
}

async function picture(page: Page, name: string): Promise<void> {
  const folderOfPictures = process.env['RIP_PICTURES']
  if (folderOfPictures !== undefined) await page.screenshot({ path: join(folderOfPictures, `${name}.png`) })
}

beforeAll(async () => {
  if (Bun.which('chromium') === null) {
    const installed = Bun.spawnSync(['apt-get', 'install', '-y', '--no-install-recommends', 'chromium'])
    if (installed.exitCode !== 0)
      throw new Error(`chromium cannot be installed: ${installed.stderr.toString()}`)
  }
  browser = await chromium.launch({ executablePath: Bun.which('chromium')!, args: FLAGS })
  sandbox = await Sandbox.create()
  folder = join(sandbox.folder, 'pages')
  await mkdir(join(folder, 'public'), { recursive: true })
  for (const [file, text] of Object.entries(FILES)) await save(file, text)
  server = await sandbox.start('dev', folder, '--static', join(folder, 'public'), '--port', '0')
  context = await browser.newContext()
})

afterAll(async () => {
  await browser?.close()
  await sandbox?.[Symbol.asyncDispose]()
})

describe('a save', () => {
  test('that is broken shows the overlay at once, and the page comes back by itself when it is fixed', async () => {
    await saveTitle('first')
    const page = await open()
    await showsTitle(page, 'first')
    await breakAndSee(page)
    const overlay = page.locator(OVERLAY)
    expect(await overlay.getAttribute('role')).toBe('alertdialog')
    const link = overlay.locator('a')
    expect(await link.textContent()).toStartWith('title.ts:1:')
    expect(await link.getAttribute('href')).toStartWith(`vscode://file${folder}/title.ts:1:`)
    expect(await overlay.locator('pre').textContent()).toContain("export const title = 'broken")
    await picture(page, 'light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, 'dark')
    await page.setViewportSize({ width: 375, height: 700 })
    await picture(page, 'phone')
    expect(await (await fetch(server.url)).text()).toContain('<h1>first</h1>')
    await saveTitle('second')
    await showsTitle(page, 'second')
    expect(await page.locator(OVERLAY).count()).toBe(0)
    await page.close()
  })

  test('that only undoes the last one closes the overlay without a reload', async () => {
    await saveTitle('same')
    const page = await open()
    await showsTitle(page, 'same')
    const loaded = loads(page)
    await breakAndSee(page)
    await saveTitle('same')
    await page.locator(OVERLAY).waitFor({ state: 'detached' })
    expect(loaded.count).toBe(0)
    await page.close()
  })

  test('closes with Escape, and comes back with the next broken save', async () => {
    await saveTitle('escape')
    const page = await open()
    await showsTitle(page, 'escape')
    await breakAndSee(page)
    await page.keyboard.press('Escape')
    await page.locator(OVERLAY).waitFor({ state: 'detached' })
    await save('title.ts', 'export const title = (\n')
    await page.locator(OVERLAY).waitFor()
    await saveTitle('escape')
    await page.close()
  })

  test('of styles or images does not reload the page', async () => {
    await saveTitle('styles')
    const page = await open()
    await showsTitle(page, 'styles')
    const loaded = loads(page)
    await save('public/style.css', 'h1 { color: rgb(9, 8, 7) }\n')
    await hasColour(page, 'rgb(9, 8, 7)')
    await save(
      'public/dot.svg',
      '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="30"><rect width="30" height="30"/></svg>',
    )
    await page.waitForFunction("document.querySelector('img').naturalWidth === 30")
    await save('public/style.css', 'h1 { color: rgb(1, 1, 1) }\n')
    await hasColour(page, 'rgb(1, 1, 1)')
    expect(loaded.count).toBe(0)
    expect(await page.locator('link[rel=stylesheet]').count()).toBe(1)
    await saveTitle('then code')
    await showsTitle(page, 'then code')
    expect(loaded.count).toBe(1)
    await page.close()
  })

  test('keeps what was typed, ticked and scrolled to', async () => {
    await saveTitle('before')
    const page = await open('/tall')
    await page.fill('#name', 'Ada')
    await page.fill('textarea', 'two\nlines')
    await page.check('[name=ok]')
    await page.selectOption('select', 'L')
    await page.fill('[name=secret]', 'hush')
    await page.evaluate('scrollTo(0, 2345)')
    await saveTitle('after')
    await showsTitle(page, 'after')
    await page.waitForFunction("document.querySelector('#name').value === 'Ada'")
    expect(await page.inputValue('textarea')).toBe('two\nlines')
    expect(await page.isChecked('[name=ok]')).toBe(true)
    expect(await page.inputValue('select')).toBe('L')
    expect(await page.inputValue('[name=secret]')).toBe('')
    await page.waitForFunction('Math.abs(scrollY - 2345) < 2')
    expect(await page.evaluate('JSON.stringify({ ...sessionStorage })')).not.toContain('hush')
    await page.close()
  })

  test('does not send a form again', async () => {
    await saveTitle('to post')
    const page = await open()
    let posts = 0
    page.on('request', (request) => void (request.method() === 'POST' && posts++))
    await page.click('button')
    await page.waitForURL('**/posted')
    await hears(page)
    const other = await open()
    await saveTitle('posted')
    await showsTitle(other, 'posted')
    await page.waitForTimeout(500)
    expect(posts).toBe(1)
    expect(await titleOf(page)).toBe('to post')
    await page.close()
    await other.close()
  })
})

describe('a start that fails', () => {
  test('shows why in the page, and comes back by itself when it is fixed', async () => {
    const broken = join(sandbox.folder, 'broken')
    await mkdir(broken)
    await writeFile(join(broken, 'index.ts'), 'export default (')
    const other = sandbox.launch('dev', broken, '0', '-b', '127.0.0.1')
    await other.says('shows why')
    const page = await context.newPage()
    await page.goto(/until then (\S+) shows why/.exec(other.stderr)![1]!)
    await page.getByText('The application does not start').waitFor()
    await writeFile(
      join(broken, 'index.ts'),
      "export default () => new Response('<!doctype html><h1>started', { headers: { 'content-type': 'text/html' } })",
    )
    await showsTitle(page, 'started')
    expect(await page.locator(OVERLAY).count()).toBe(0)
    await page.close()
    other.kill('SIGTERM')
    await other.finished()
  })
})

describe('tabs', () => {
  test('lose none of fifty saves in a row', async () => {
    await saveTitle('fifty')
    const pages = await Promise.all([open(), open('/tall')])
    for (const page of pages) await showsTitle(page, 'fifty')
    for (let at = 1; at <= SAVES; at++) {
      await saveTitle(`save ${at}`)
      // Saves in quick succession, and saves that are waited for.
      if (at % 5 === 0) for (const page of pages) await showsTitle(page, `save ${at}`)
    }
    for (const page of pages) await page.close()
  })

  test('share one stream, however many there are', async () => {
    await saveTitle('many')
    const pages = await Promise.all(Array.from({ length: 10 }, () => open()))
    for (const page of pages) await showsTitle(page, 'many')
    await saveTitle('for all')
    for (const page of pages) await showsTitle(page, 'for all')
    for (const page of pages) await page.close()
  })

  test('do not keep each other from loading where they cannot share a stream', async () => {
    await saveTitle('many alone')
    // Its policy allows no worker, and the browser opens six connections to a host.
    const pages: Page[] = []
    for (let at = 0; at < 8; at++) pages.push(await open('/nonce'))
    const last = pages.at(-1)!
    await saveTitle('for each alone')
    for (const page of pages) {
      await page.bringToFront()
      await showsTitle(page, 'for each alone')
    }
    await showsTitle(last, 'for each alone')
    for (const page of pages) await page.close()
  })

  test('that slept through saves are current when they wake', async () => {
    await saveTitle('awake')
    const page = await open()
    await showsTitle(page, 'awake')
    const session = await context.newCDPSession(page)
    await session.send('Page.setWebLifecycleState', { state: 'frozen' })
    const other = await open()
    for (const title of ['asleep', 'dreaming', 'morning']) {
      await saveTitle(title)
      await showsTitle(other, title)
    }
    await session.send('Page.setWebLifecycleState', { state: 'active' })
    await showsTitle(page, 'morning')
    await page.close()
    await other.close()
  })

  test('reload after a restart of the server with other code', async () => {
    await saveTitle('old server')
    const page = await open()
    await showsTitle(page, 'old server')
    const { port } = new URL(server.url)
    server.kill('SIGTERM')
    await server.finished()
    await saveTitle('new server')
    server = await sandbox.start('dev', folder, '--static', join(folder, 'public'), '--port', port)
    await showsTitle(page, 'new server')
    await page.close()
  })
})

describe('a page', () => {
  test('with a nonce in its policy gets the overlay all the same', async () => {
    await saveTitle('nonce')
    const page = await open('/nonce')
    await breakAndSee(page)
    expect((await page.locator(OVERLAY).boundingBox())!.width).toBeLessThanOrEqual(960)
    await saveTitle('nonce fixed')
    await showsTitle(page, 'nonce fixed')
    await page.close()
  })

  test('with trusted types gets the overlay all the same', async () => {
    await saveTitle('strict')
    const page = await open('/strict')
    await breakAndSee(page)
    await saveTitle('strict fixed')
    await showsTitle(page, 'strict fixed')
    await page.close()
  })

  test('that is loaded while the code is broken says so, and so it does when loaded again', async () => {
    await saveTitle('reloaded')
    const page = await open()
    await breakAndSee(page)
    await page.reload()
    await page.locator(OVERLAY).waitFor()
    const other = await open()
    await other.locator(OVERLAY).waitFor()
    await saveTitle('reloaded and fixed')
    await showsTitle(page, 'reloaded and fixed')
    await showsTitle(other, 'reloaded and fixed')
    await page.close()
    await other.close()
  })

  test('with a head in a comment, or none at all, has the script where it runs', async () => {
    for (const path of ['/comment', '/headless']) {
      await saveTitle(`before ${path}`)
      const page = await open(path)
      await saveTitle(`after ${path}`)
      await showsTitle(page, `after ${path}`)
      await page.close()
    }
  })

  test('that comes out of a cache is loaded once more, and not for ever', async () => {
    await saveTitle('cached')
    const page = await open()
    await showsTitle(page, 'cached')
    const cached = await page.content()
    const loaded = loads(page)
    // As a service worker would.
    await page.route(`${server.url}/`, (route) => route.fulfill({ contentType: 'text/html', body: cached }))
    const other = await open('/tall')
    await saveTitle('not cached')
    await showsTitle(other, 'not cached')
    await until('it is loaded again', () => loaded.count === 1)
    await saveTitle('nor this')
    await showsTitle(other, 'nor this')
    await until('it is loaded again', () => loaded.count === 2)
    await page.waitForTimeout(1_000)
    expect(loaded.count).toBe(2)
    await page.close()
    await other.close()
  })

  test('hears of what no request waits for', async () => {
    await saveTitle('late')
    const page = await open()
    await fetch(`${server.url}/late`)
    const overlay = page.locator(OVERLAY)
    await overlay.waitFor()
    expect(await overlay.textContent()).toContain('TypeError: the mail was not sent')
    expect(await overlay.locator('h2').textContent()).toBe('Unhandled rejection')
    expect(await overlay.locator('a').textContent()).toStartWith('index.ts:')
    await picture(page, 'rejection')
    await saveTitle('later')
    await showsTitle(page, 'later')
    expect(await page.locator(OVERLAY).count()).toBe(0)
    await page.close()
  })
})

test('the overlay is there within half a second, on a quiet machine', async () => {
  const page = await open()
  const tookMs: number[] = []
  for (let at = 0; at < TIMED; at++) {
    await saveTitle(`timed ${at}`)
    await showsTitle(page, `timed ${at}`)
    const startedAt = performance.now()
    await breakTitle()
    await sees(page)
    tookMs.push(performance.now() - startedAt)
  }
  console.log(`overlay after ${tookMs.map(Math.round).join(', ')} ms`)
  await saveTitle('timed')
  await page.close()
  expect(median(tookMs)).toBeLessThan(OVERLAY_MS)
})
