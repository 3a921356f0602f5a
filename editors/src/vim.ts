import { CONTEXT_WORDS, DIRECTIVE_WORDS, KIND_WORDS, TYPE_WORDS, WORDS } from './words.ts'

/** Highlight groups of Vim, by kind of token. */
const GROUPS: Readonly<Record<string, string>> = {
  ripComment: 'Comment',
  ripString: 'String',
  ripRegex: 'String',
  ripEscape: 'SpecialChar',
  ripInterpolation: 'Delimiter',
  ripNumber: 'Number',
  ripControl: 'Statement',
  ripOperatorWord: 'Operator',
  ripModule: 'Include',
  ripDeclaration: 'Structure',
  ripConstant: 'Constant',
  ripThis: 'Identifier',
  ripMember: 'Normal',
  ripKey: 'Identifier',
  ripFunction: 'Function',
  ripClass: 'Type',
  ripSymbol: 'Constant',
  ripArrow: 'Operator',
  ripSchema: 'Structure',
  ripDirective: 'PreProc',
  ripFieldType: 'Type',
  ripData: 'PreProc',
  ripDataText: 'String',
}

/** In very magic mode: words that are not part of a longer name, not members and not keys. */
const words = (list: readonly string[]): string =>
  String.raw`\v%(\k|\@|\.@<!\.|::)@<!<%(${list.join('|')})>%(\??:[:=]@!)@!`

const NAME = String.raw`\h\k*`

/** One match per line; of two matches at the same place the later one wins. */
const MATCHES: readonly (readonly [group: string, pattern: string, options?: string])[] = [
  [
    'ripNumber',
    String.raw`\v<%(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[0-9_]*%(\.\d[0-9_]*)?%([eE][+-]?\d+)?)n?>`,
  ],
  ['ripControl', words(WORDS.control)],
  ['ripOperatorWord', words(WORDS.operator)],
  ['ripModule', words(WORDS.module)],
  ['ripDeclaration', words(WORDS.declaration)],
  ['ripConstant', words(WORDS.constant)],
  ['ripThis', words(WORDS.language)],
  ['ripDeclaration', String.raw`\v%(\k|\@|\.)@<!%(${CONTEXT_WORDS.types.join('|')})\ze\s+\u\k*`],
  ['ripModule', String.raw`\v%(\k|[}*])@<= \zs${CONTEXT_WORDS.from}\ze\s+["']`],
  ['ripKey', String.raw`\v%(\k|\.)@<!${NAME}%([-.]${NAME})*\ze[?!]?:[:=]@!`],
  ['ripFunction', String.raw`\v%(\k|[.?])@<!${NAME}\ze!?\s*:\s*%(\([^()]*\)\s*)?%(-\>|\=\>|\~\>|!\>)`],
  ['ripFunction', String.raw`\v%(\k|[.@])@<!${NAME}\ze!?\s*\=!?\s*%(\([^()]*\)\s*)?[-=]\>`],
  ['ripFunction', String.raw`\v<def\s+\zs${NAME}`],
  ['ripClass', String.raw`\v<class\s+\@?\zs%(extends>)@!${NAME}`],
  ['ripMember', String.raw`\v%(\.@<!\.\.@!|::)\s*${NAME}`],
  ['ripThis', String.raw`\v\@%(${NAME})?`],
  ['ripSymbol', String.raw`\v%(\k|["'\]})?!:])@<!:${NAME}%(\.${NAME})*`],
  ['ripArrow', String.raw`\v-\>|\=\>|\~\>|!\>`],
  ['ripSchema', String.raw`\v%(\k|[.@])@<!${CONTEXT_WORDS.schema}\ze%(\s*;|\s+:%(${KIND_WORDS.join('|')})>)`],
  ['ripSchema', String.raw`\v%(\=|\()\s*\zs${CONTEXT_WORDS.schema}\ze\s*%(#.*)?$`],
  ['ripDirective', String.raw`\v^\s*\zs\@%(${DIRECTIVE_WORDS.join('|')})\ze!?\s+[":[A-Z]`],
  [
    'ripFieldType',
    String.raw`\v^\s+${NAME}[!?]*\s+\~?\zs%(${TYPE_WORDS.join('|')})\ze%(\[\])?\s*%($|[,;#@[/{]|\d|\.\.)`,
  ],
  ['ripComment', String.raw`\v#.*`, 'contains=@Spell'],
]

const CODE = [...new Set(MATCHES.map(([group]) => group)), 'ripString', 'ripRegex', 'ripBraces', 'ripComment']

interface Region {
  readonly group: string
  readonly start: string
  readonly end: string
  readonly options?: string
}

const SKIP = String.raw`skip=+\\.+`

const REGIONS: readonly Region[] = [
  { group: 'ripBraces', start: '{', end: '}', options: 'transparent contains=@ripCode' },
  // At the start, in brackets or after an operator; or directly after a name and a blank.
  {
    group: 'ripRegex',
    start: String.raw`\v%(^\s*|[=(,{[]\s*)@<=/[/*?+]@!`,
    end: String.raw`\v/[dgimsuvy]*|$`,
    options: `oneline ${SKIP} contains=ripEscape,ripGroup`,
  },
  {
    group: 'ripRegex',
    start: String.raw`\v%([:;!&|?*%<>~^-]\s*|%(\k|[)\]}"'])\s+)@<=/[/*?= \t]@!%([^/]*/)@=`,
    end: String.raw`\v/[dgimsuvy]*|$`,
    options: `oneline ${SKIP} contains=ripEscape,ripGroup`,
  },
  { group: 'ripGroup', start: String.raw`\[`, end: String.raw`\]`, options: `contained oneline ${SKIP}` },
  {
    group: 'ripRegex',
    start: '///',
    end: String.raw`\v///[dgimsuvy]*`,
    options: `${SKIP} contains=ripEscape,ripInterpolated`,
  },
  { group: 'ripString', start: "'", end: "'", options: `oneline ${SKIP} contains=ripEscape,@Spell` },
  {
    group: 'ripString',
    start: '"',
    end: '"',
    options: `oneline ${SKIP} contains=ripEscape,ripInterpolated,@Spell`,
  },
  { group: 'ripString', start: "'''", end: "'''", options: `${SKIP} contains=ripEscape,@Spell` },
  {
    group: 'ripString',
    start: '"""',
    end: '"""',
    options: `${SKIP} contains=ripEscape,ripInterpolated,@Spell`,
  },
  { group: 'ripString', start: String.raw`'''\\$`, end: "'''", options: 'contains=@Spell' },
  { group: 'ripString', start: String.raw`"""\\$`, end: '"""', options: 'contains=@Spell' },
  { group: 'ripString', start: '`', end: '`', options: SKIP },
  { group: 'ripString', start: '```', end: '```' },
  {
    group: 'ripString',
    start: String.raw`%w\z([^[:alnum:][:space:]]\)`,
    end: String.raw`\z1`,
    options: SKIP,
  },
  { group: 'ripString', start: String.raw`%w\[`, end: String.raw`\]`, options: SKIP },
  { group: 'ripString', start: '%w(', end: ')', options: SKIP },
  { group: 'ripString', start: '%w{', end: '}', options: SKIP },
  { group: 'ripString', start: '%w<', end: '>', options: SKIP },
  {
    group: 'ripInterpolated',
    start: '[#$]{',
    end: '}',
    options: 'contained matchgroup=ripInterpolation contains=@ripCode',
  },
  { group: 'ripComment', start: String.raw`\v###[#]@!`, end: '###', options: 'contains=@Spell' },
]

/** A pattern between two occurrences of a delimiter that does not contain the delimiter. */
function delimited(pattern: string): string {
  const mark = '+,;#%@&"'.split('').find((candidate) => !pattern.includes(candidate))!
  return `${mark}${pattern}${mark}`
}

/** The file `syntax/rip.vim`. */
export function vimSyntax(): string {
  const lines = [
    '" Generated by editors/src/generate.ts',
    "if exists('b:current_syntax')",
    '  finish',
    'endif',
    '',
    'syntax iskeyword @,48-57,_,$',
    'syntax case match',
    `syntax cluster ripCode contains=${CODE.join(',')}`,
    `syntax match ripEscape ${delimited(String.raw`\\.`)} contained`,
    '',
    ...MATCHES.map(([group, pattern, options = '']) =>
      `syntax match ${group} ${delimited(pattern)} ${options}`.trimEnd(),
    ),
    '',
    ...REGIONS.map(regionLine),
    '',
    String.raw`syntax region ripDataText matchgroup=ripData start=+^__DATA__\s*$+ end=+\%$+`,
    '',
    ...Object.entries(GROUPS).map(([group, link]) => `highlight default link ${group} ${link}`),
    '',
    "let b:current_syntax = 'rip'",
  ]
  return `${lines.join('\n')}\n`
}

function regionLine({ group, start, end, options = '' }: Region): string {
  const matchGroup = /matchgroup=\S+/.exec(options)?.[0]
  const rest = options.replace(/ ?matchgroup=\S+/, '')
  return [`syntax region ${group}`, matchGroup, `start=${delimited(start)}`, `end=${delimited(end)}`, rest]
    .filter((part) => part !== undefined && part !== '')
    .join(' ')
}

export const VIM_DETECT = 'autocmd BufNewFile,BufRead *.rip setfiletype rip\n'

export const VIM_PLUGIN = `" Generated by editors/src/generate.ts
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\\ %s
setlocal comments=:#
setlocal expandtab shiftwidth=2 softtabstop=2
setlocal suffixesadd=.rip
let b:undo_ftplugin = 'setlocal commentstring< comments< expandtab< shiftwidth< softtabstop< suffixesadd<'
`
