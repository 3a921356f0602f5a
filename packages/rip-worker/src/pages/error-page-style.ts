/** Follows the reader's light or dark setting; no font, image or script is loaded. */
export const ERROR_PAGE_STYLE: string = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f7f7f8, #16171b); --card: light-dark(#fff, #1e2026); --text: light-dark(#1c1d21, #e7e8ec);
  --dim: light-dark(#6b6f7a, #9297a3); --line: light-dark(#e3e4e9, #30333c);
  --accent: light-dark(#c4203a, #ff7085); --mark: light-dark(#fdeaed, #3a2028);
}
* { box-sizing: border-box; margin: 0 }
body { background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
pre, code, .request, td, ol { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .875rem }
.request { display: flex; gap: .75rem; color: var(--dim); margin-bottom: 1.25rem; overflow-wrap: anywhere }
.request span { margin-left: auto; color: var(--accent); font-weight: 600 }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem; margin-bottom: 1rem }
.name { color: var(--accent); font-weight: 600 }
.cause { color: var(--dim); font-size: .875rem }
h1, h2 { font-size: 1.375rem; line-height: 1.35; font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere }
h2 { font-size: 1.125rem }
figure { margin: 1.25rem 0 0; border: 1px solid var(--line); border-radius: .5rem; overflow: hidden }
figcaption { padding: .5rem 1rem; border-bottom: 1px solid var(--line); color: var(--dim); font-size: .875rem; overflow-wrap: anywhere }
pre { padding: .75rem 0; overflow-x: auto; tab-size: 2; line-height: 1.6 }
pre span { display: block; padding: 0 1rem; min-width: max-content }
.marked { background: var(--mark) }
.carets { color: var(--accent); font-weight: 600 }
ol { list-style: none; padding: 0; margin-top: 1.25rem; color: var(--dim); overflow-wrap: anywhere }
.own, .own code { color: var(--text) }
details { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.5rem }
summary { cursor: pointer; font-weight: 600 }
table { margin-top: .75rem; border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0; overflow-wrap: anywhere }
th { color: var(--dim); font-weight: 400; white-space: nowrap }
`
