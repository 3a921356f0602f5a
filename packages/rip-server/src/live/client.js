// What pages run in development, and the shared worker that listens to the server for all of them. See docs/development.md.
;(() => {
  const RETRY_MS = 1000
  const MAX_RETRY_MS = 30_000
  const here = globalThis.document?.currentScript?.src ?? location.href
  const listen = (take) => {
    let source
    let timer
    let retryMs = RETRY_MS
    const open = () => {
      source = new EventSource(new URL('live', here))
      source.onmessage = ({ data }) => {
        retryMs = RETRY_MS
        take(data)
      }
      // The browser connects again by itself, but not after an answer that is no stream.
      source.onerror = () => {
        if (source.readyState !== 2) return
        timer = setTimeout(open, retryMs)
        retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)
      }
    }
    open()
    return () => {
      clearTimeout(timer)
      source.close()
    }
  }

  if (!globalThis.document) {
    const ports = new Set()
    let last
    listen((data) => {
      last = data
      for (const port of ports) port.postMessage(data)
    })
    onconnect = ({ ports: [port] }) => {
      ports.add(port)
      port.onmessage = () => ports.delete(port)
      if (last) port.postMessage(last)
    }
    return
  }

  const { currentScript: script, documentElement: root } = document
  const { generation, method } = script?.dataset ?? {}
  // A page that changes its content without a navigation may run the script of the next one.
  if (globalThis.ripLive) return globalThis.ripLive(generation)
  let mine = generation
  globalThis.ripLive = (next) => (mine = next)

  // --- state that outlives a reload

  const KEPT = 'rip-live'
  const FIELDS = 'input:not([type=password],[type=file],[type=hidden]),textarea,select'
  const twins = (field) =>
    [...document.querySelectorAll(FIELDS)].filter(({ id, name }) => id === field.id && name === field.name)
  const valueOf = (field) =>
    field.matches('[type=checkbox],[type=radio]')
      ? field.checked
      : field.multiple && field.options
        ? [...field.selectedOptions].map(({ value }) => value)
        : field.value
  const setValue = (field, value) => {
    if (typeof value === 'boolean') field.checked = value
    else if (typeof value === 'string') field.value = value
    else for (const option of field.options) option.selected = value.includes(option.value)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  }
  const initial = new Map()
  const note = () => {
    for (const field of document.querySelectorAll(FIELDS))
      if (!initial.has(field)) initial.set(field, JSON.stringify(valueOf(field)))
  }
  const reload = (wanted) => {
    const before = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}')
    // One that comes out of a cache would be loaded for ever; one that was posted would be posted again.
    if (before.wanted === wanted || method) return
    const fields = [...document.querySelectorAll(FIELDS)]
      .filter((field) => initial.get(field) !== JSON.stringify(valueOf(field)))
      .map((field) => [field.id, field.name, twins(field).indexOf(field), valueOf(field)])
    const focus = fields.length > 0 && document.activeElement?.id
    const kept = { wanted, href: location.href, fields, focus, y: scrollY }
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(kept))
    } catch {
      sessionStorage.setItem(KEPT, JSON.stringify({ wanted }))
    }
    location.reload()
  }
  const restore = () => {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}')
    note()
    if (kept.wanted === mine) sessionStorage.removeItem(KEPT)
    if (kept.href !== location.href) return
    sessionStorage.setItem(KEPT, JSON.stringify(kept.wanted === mine ? {} : { wanted: kept.wanted }))
    for (const [id, name, at, value] of kept.fields ?? []) {
      const field = twins({ id, name })[at]
      if (field) setValue(field, value)
    }
    if (kept.focus) document.getElementById(kept.focus)?.focus()
    if (kept.y && !scrollY) scrollTo(scrollX, kept.y)
  }

  // --- styles and images

  const nameOf = (url) => decodeURIComponent(new URL(url, location).pathname).split('/').pop()
  const isOurs = (url, name) =>
    url && new URL(url, location).origin === location.origin && nameOf(url) === name
  const anew = (url) => {
    const next = new URL(url, location)
    next.searchParams.set('rip', Date.now())
    return next.href
  }
  const rulesOf = (sheet) => {
    try {
      return [...sheet.cssRules]
    } catch {
      return []
    }
  }
  const imports = (sheet, name) =>
    rulesOf(sheet).some(
      (rule) => rule.styleSheet && (isOurs(rule.styleSheet.href, name) || imports(rule.styleSheet, name)),
    )
  const swapStyles = async (name) => {
    const links = [...document.querySelectorAll('link[rel~=stylesheet]')].filter(
      (link) => isOurs(link.href, name) || (link.sheet && imports(link.sheet, name)),
    )
    await Promise.all(
      links.map(
        (link) =>
          new Promise((done) => {
            const next = link.cloneNode()
            next.href = anew(link.href)
            next.onload = next.onerror = () => done(link.remove())
            link.after(next)
          }),
      ),
    )
    return links.length > 0
  }
  const swapImages = (name) => {
    const images = [...document.querySelectorAll('img:not([srcset]),link[rel~=icon]')]
      .map((image) => [image, image.href ? 'href' : 'src'])
      .filter(([image, key]) => isOurs(image[key], name))
    for (const [image, key] of images) image[key] = anew(image[key])
    return images.length > 0
  }
  const swap = async (files) => {
    for (const file of files) {
      const name = file.split('/').pop()
      const isDone = /\.css$/i.test(name)
        ? await swapStyles(name)
        : /\.(png|jpe?g|gif|svg|webp|avif|ico)$/i.test(name) && swapImages(name)
      if (!isDone) return false
    }
    return files.length > 0
  }

  // --- the overlay

  const STYLE = `dialog{all:revert;box-sizing:border-box;width:min(60rem,calc(100% - 2rem));max-width:none;max-height:calc(100% - 2rem);margin:auto;padding:1.25rem 1.5rem;overflow:auto;border:1px solid #d9d5d0;border-top:4px solid #c8321f;border-radius:8px;background:#fffdfb;color:#24211e;font:15px/1.5 system-ui,sans-serif;box-shadow:0 12px 48px #0005;text-align:left}dialog::backdrop{background:#0006}h2{margin:0 2rem .75rem 0;font-size:1.05rem;color:#b12714}section{margin:0 0 1rem}p{margin:0 0 .5rem;white-space:pre-wrap;overflow-wrap:anywhere}a,.open{color:#1a5fb4;font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}.open{padding:0;border:0;background:none;text-align:left;text-decoration:underline;cursor:pointer}pre{margin:.5rem 0 0;padding:.75rem;overflow:auto;border-radius:6px;background:#f3efea;font:13px/1.5 ui-monospace,monospace;tab-size:2}.at{color:#b12714;font-weight:600}small{color:#6b645d}.close{position:absolute;top:.6rem;right:.6rem;width:2.25rem;height:2.25rem;border:0;border-radius:6px;background:none;color:inherit;font-size:1.3rem;cursor:pointer}:focus-visible{outline:2px solid #1a5fb4}@media(prefers-color-scheme:dark){dialog{border-color:#4a443f;border-top-color:#f0654f;background:#1d1b19;color:#ece7e1}h2,.at{color:#ff8a75}a,.open{color:#8ab8ff}pre{background:#2a2724}small{color:#a49c94}:focus-visible{outline-color:#8ab8ff}}@media(max-width:30rem){dialog{width:100%;max-height:80%;margin:auto 0 0;padding:1rem;border-radius:12px 12px 0 0}}`
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties)
    element.append(...children)
    return element
  }
  let host
  let shown = '[]'
  const frameOf = (text) =>
    make(
      'pre',
      { tabIndex: 0 },
      ...text
        .split('\n')
        .map((line) => make('span', { className: /^\s*(>|\|?\s*\^)/.test(line) ? 'at' : '' }, `${line}\n`)),
    )
  const placeOf = ({ place, link, open }) => {
    if (!place) return ''
    if (link) return make('a', { href: link }, place)
    if (!open) return make('small', {}, place)
    const body = JSON.stringify(open)
    const onclick = () => fetch(new URL('open', here), { method: 'POST', body }).catch(() => {})
    return make('button', { className: 'open', type: 'button', onclick }, place)
  }
  const show = (problems) => {
    const text = JSON.stringify(problems)
    if (text === shown) return
    shown = text
    host?.remove()
    host = undefined
    if (problems.length === 0) return
    const close = make('button', { className: 'close', type: 'button', ariaLabel: 'Close' }, '×')
    const title = make('h2', { id: 'title' }, problems[0].title)
    const parts = problems.map((problem) =>
      make(
        'section',
        {},
        make('p', {}, problem.message),
        placeOf(problem),
        problem.detail ? frameOf(problem.detail) : '',
      ),
    )
    const dialog = make('dialog', {}, close, title, ...parts, make('small', {}, problems[0].note))
    dialog.setAttribute('role', 'alertdialog')
    dialog.setAttribute('aria-labelledby', 'title')
    const mounted = (host = make('rip-live'))
    close.onclick = () => dialog.close()
    dialog.onclose = () => mounted.remove()
    const shadow = mounted.attachShadow({ mode: 'open' })
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(STYLE)
    shadow.adoptedStyleSheets = [sheet]
    shadow.append(dialog)
    root.append(mounted)
    dialog.showModal()
  }

  // --- what the server says

  let doubt
  const hear = async (data) => {
    const { generation: current, before, change, problems } = JSON.parse(data)
    clearTimeout(doubt)
    // That page shows the problem itself.
    const isFailedStart = mine === 'failed-start'
    show(isFailedStart ? [] : problems)
    if (!current || current === mine) return
    mine ??= current
    if (change?.from === mine && (await swap(change.files))) return void (mine = current)
    if (current === mine) return
    if (isFailedStart || before.includes(mine)) return reload(current)
    // The page may be newer than what was heard last.
    doubt = setTimeout(() => reload(current), 300)
  }
  // Nothing of this may disturb the page.
  const take = (data) => void hear(data).catch((error) => console.debug(error))
  const connect = () => {
    // Without a worker for all tabs, one that can be seen listens for the others: a browser opens six connections to a host.
    let isAlone = false
    const direct = () => {
      if (isAlone) return
      isAlone = true
      const channel = new BroadcastChannel(KEPT)
      let last
      let asked
      let release
      const lead = () =>
        new Promise((done) => {
          const stop = listen((data) => {
            last = data
            channel.postMessage(data)
            take(data)
          })
          release = () => done((last = release = stop()))
        })
      channel.onmessage = ({ data }) => (data ? take(data) : last && channel.postMessage(last))
      const follow = () => {
        asked?.abort()
        release?.()
        channel.postMessage('')
        if (document.hidden) return
        asked = new AbortController()
        if (navigator.locks) navigator.locks.request(KEPT, { signal: asked.signal }, lead).catch(() => {})
        else void lead()
      }
      document.addEventListener('visibilitychange', follow)
      follow()
    }
    const join = () => {
      const { port } = Object.assign(new SharedWorker(here, KEPT), { onerror: direct })
      port.onmessage = ({ data }) => take(data)
      addEventListener('pagehide', () => port.postMessage('bye'), { once: true })
    }
    try {
      join()
      addEventListener('pageshow', ({ persisted }) => persisted && join())
    } catch {
      direct()
    }
  }
  const ready = () => {
    try {
      restore()
    } catch {}
  }
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', ready)
  else ready()
  addEventListener('focusin', note)
  connect()
})()
