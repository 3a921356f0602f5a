import { HIGHLIGHT_JS_TYPES, highlightJsLanguage } from './highlightjs.ts'
import { textMateGrammar } from './textmate.ts'
import { VIM_DETECT, VIM_PLUGIN, vimSyntax } from './vim.ts'

/** All generated files, by their paths below this package. */
export function definitions(): Map<string, string> {
  return new Map([
    ['vscode/syntaxes/rip.tmLanguage.json', textMateGrammar()],
    ['highlight.js/rip.js', highlightJsLanguage()],
    ['highlight.js/rip.d.ts', HIGHLIGHT_JS_TYPES],
    ['vim/syntax/rip.vim', vimSyntax()],
    ['vim/ftdetect/rip.vim', VIM_DETECT],
    ['vim/ftplugin/rip.vim', VIM_PLUGIN],
  ])
}
