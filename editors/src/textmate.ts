import { anyOf, OPERATORS, PATTERNS } from './patterns.ts'
import { CONTEXT_WORDS, DIRECTIVE_WORDS, KIND_WORDS, TYPE_WORDS, WORDS } from './words.ts'

/** A rule of a TextMate grammar. */
interface Rule {
  readonly name?: string
  readonly contentName?: string
  readonly match?: string
  readonly begin?: string
  readonly end?: string
  readonly while?: string
  readonly include?: string
  readonly captures?: Captures
  readonly beginCaptures?: Captures
  readonly endCaptures?: Captures
  readonly patterns?: readonly Rule[]
}

type Captures = Readonly<Record<number, { readonly name: string }>>

/** Rewrites a pattern for Oniguruma, which writes code points in braces and has no empty negated class. */
const onig = (pattern: string): string =>
  pattern.replaceAll(/\\u([\da-fA-F]{4})/g, String.raw`\x{$1}`).replaceAll('[^]', String.raw`[\s\S]`)

const NAME = onig(PATTERNS.name)
/** A word that is not part of a longer name, not a member and not a key. */
const word = (words: readonly string[]): string =>
  String.raw`(?<![\w$@]|(?<!\.)\.|::)(?:${words.join('|')})(?![\w$])(?!\??:(?![:=]))`

const include = (...names: string[]): Rule[] => names.map((name) => ({ include: `#${name}` }))

const scoped = (name: string): Captures => ({ 0: { name: `${name}.rip` } })

const INTERPOLATION: Rule[] = ['#', String.raw`\$`].map((mark) => ({
  begin: String.raw`${mark}\{`,
  end: String.raw`\}`,
  beginCaptures: scoped('punctuation.section.embedded.begin'),
  endCaptures: scoped('punctuation.section.embedded.end'),
  name: 'meta.embedded.line.rip',
  contentName: 'source.rip',
  patterns: [{ include: '#braces' }, { include: '#code' }],
}))

const ESCAPE: Rule = { match: onig(PATTERNS.escape), name: 'constant.character.escape.rip' }

/** A text between delimiters. */
function text(name: string, begin: string, end: string, patterns: readonly Rule[]): Rule {
  return {
    name: `string.${name}.rip`,
    begin,
    end,
    beginCaptures: scoped('punctuation.definition.string.begin'),
    endCaptures: scoped('punctuation.definition.string.end'),
    patterns,
  }
}

const WORD_LISTS: Rule[] = [
  [String.raw`\[`, String.raw`\]`],
  [String.raw`\(`, String.raw`\)`],
  [String.raw`\{`, String.raw`\}`],
  ['<', '>'],
].map(([open, close]) => text('quoted.other.words', `%w${open}`, close!, [ESCAPE]))

const REGEX_BODY: Rule[] = [
  ESCAPE,
  {
    begin: String.raw`\[`,
    end: String.raw`\]|$`,
    name: 'constant.other.character-class.rip',
    patterns: [ESCAPE],
  },
]

function regex(begin: string): Rule {
  return {
    begin,
    end: String.raw`(/)(${PATTERNS.regexFlags})|$`,
    name: 'string.regexp.rip',
    beginCaptures: { 1: { name: 'punctuation.definition.string.begin.rip' } },
    endCaptures: {
      1: { name: 'punctuation.definition.string.end.rip' },
      2: { name: 'keyword.other.rip' },
    },
    patterns: REGEX_BODY,
  }
}

const FUNCTION_VALUE = String.raw`(?=\s*=!?\s*(?:\([^\n]*?\)[^\n=]*)?[-=]>)`

const REPOSITORY: Readonly<Record<string, Rule>> = {
  all: { patterns: include('schema', 'code') },
  code: {
    patterns: include(
      'comments',
      'data',
      'texts',
      'regexes',
      'numbers',
      'definitions',
      'keys',
      'members',
      'symbols',
      'words',
      'types',
      'operators',
      'names',
    ),
  },
  braces: {
    begin: String.raw`\{`,
    end: String.raw`\}`,
    patterns: [{ include: '#braces' }, { include: '#code' }],
  },
  comments: {
    patterns: [
      {
        begin: '###(?!#)',
        end: '###',
        name: 'comment.block.rip',
        captures: scoped('punctuation.definition.comment'),
      },
      {
        match: '(#).*$',
        name: 'comment.line.number-sign.rip',
        captures: { 1: { name: 'punctuation.definition.comment.rip' } },
      },
    ],
  },
  data: {
    begin: '^__DATA__[ \\t]*$',
    end: '(?!)',
    beginCaptures: scoped('keyword.other.data'),
    contentName: 'string.unquoted.data.rip',
  },
  texts: {
    patterns: [
      text('quoted.double.block.raw', '"""\\\\$', '"""', []),
      text('quoted.single.block.raw', "'''\\\\$", "'''", []),
      text('quoted.double.block', '"""', '"""', [ESCAPE, ...INTERPOLATION]),
      text('quoted.single.block', "'''", "'''", [ESCAPE]),
      text('quoted.double', '"', '"|$', [ESCAPE, ...INTERPOLATION]),
      text('quoted.single', "'", "'|$", [ESCAPE]),
      text('quoted.other.javascript.block', '```', '```', []),
      text('quoted.other.javascript', '`', '`', [ESCAPE]),
      ...WORD_LISTS,
      text('quoted.other.words', String.raw`%w([^\w\s])`, String.raw`\1`, [ESCAPE]),
    ],
  },
  regexes: {
    patterns: [
      {
        begin: '///',
        end: `(///)(${PATTERNS.regexFlags})`,
        name: 'string.regexp.block.rip',
        beginCaptures: scoped('punctuation.definition.string.begin'),
        endCaptures: {
          1: { name: 'punctuation.definition.string.end.rip' },
          2: { name: 'keyword.other.rip' },
        },
        patterns: [
          ...INTERPOLATION,
          ...REGEX_BODY,
          { match: String.raw`(?<=\s|^)#(?!\{).*$`, name: 'comment.line.number-sign.rip' },
        ],
      },
      // A blank may precede a pattern after a bracket or an operator; after a value and a blank, a pattern starts
      // without a blank.
      regex(String.raw`(?<=[(,\[{=])\s*(/)(?![/*?+]|$)`),
      regex(String.raw`(?:(?<=${PATTERNS.beforeValue})\s*|^\s*)(/)(?![/*?+]|=\s|\s|$)`),
      regex(String.raw`(?<=[\w$)\]}"'])\s+(/)(?![\s/*?=]|$)(?=[^/\n]*/)`),
    ],
  },
  numbers: {
    match: String.raw`(?<![\w$])(?:${PATTERNS.number})(?![\w$])`,
    name: 'constant.numeric.rip',
  },
  definitions: {
    patterns: [
      {
        match: String.raw`(?<![\w$@.])(def)\s+(${NAME})(!)?`,
        captures: {
          1: { name: 'storage.type.function.rip' },
          2: { name: 'entity.name.function.rip' },
          3: { name: 'keyword.operator.rip' },
        },
      },
      {
        match: String.raw`(?<![\w$@.])(class)\s+(@)?(?!extends\b)(${NAME})`,
        captures: {
          1: { name: 'storage.type.class.rip' },
          2: { name: 'variable.language.this.rip' },
          3: { name: 'entity.name.type.class.rip' },
        },
      },
      {
        match: String.raw`(?<![\w$@.])(enum)\s+(${NAME})(?=\s*(?:#.*)?$)`,
        captures: { 1: { name: 'storage.type.enum.rip' }, 2: { name: 'entity.name.type.enum.rip' } },
      },
      {
        match: String.raw`(?<![\w$@.])(type)\s+(${NAME})(?=\s*(?:<.*>)?\s*=(?![=>~]))`,
        captures: { 1: { name: 'storage.type.rip' }, 2: { name: 'entity.name.type.alias.rip' } },
      },
      {
        match: String.raw`(?<![\w$@.])(interface)\s+([A-Z_$][\w$]*)`,
        captures: { 1: { name: 'storage.type.rip' }, 2: { name: 'entity.name.type.interface.rip' } },
      },
      {
        match: String.raw`(?<![\w$@.])(${NAME})(!)?${FUNCTION_VALUE}`,
        captures: { 1: { name: 'entity.name.function.rip' }, 2: { name: 'keyword.operator.rip' } },
      },
    ],
  },
  keys: {
    patterns: [
      {
        match: String.raw`(?<![\w$.?])(${NAME})(!)?(?=\s*:\s*(?:async\s+)?(?:\([^\n]*?\)[^\n=]*)?(?:${PATTERNS.arrows}))`,
        captures: { 1: { name: 'entity.name.function.rip' }, 2: { name: 'keyword.operator.rip' } },
      },
      {
        match: String.raw`(?<![\w$.])${NAME}(?:[-.]${NAME})*(?=[?!]?:(?![:=]))`,
        name: 'variable.other.property.rip',
      },
    ],
  },
  members: {
    patterns: [
      {
        match: String.raw`(@)(${NAME})?`,
        captures: { 1: { name: 'variable.language.this.rip' }, 2: { name: 'variable.other.member.rip' } },
      },
      {
        match: String.raw`((?<!\.)\??\.(?!\.)|::)\s*(${NAME})`,
        captures: { 1: { name: 'punctuation.accessor.rip' }, 2: { name: 'variable.other.member.rip' } },
      },
    ],
  },
  symbols: {
    match: String.raw`(?<![\w$"'\]})?!:]):${NAME}(?:\.${NAME})*`,
    name: 'constant.other.symbol.rip',
  },
  words: {
    patterns: [
      { match: word(WORDS.control), name: 'keyword.control.rip' },
      { match: word(WORDS.operator), name: 'keyword.operator.word.rip' },
      { match: word(WORDS.module), name: 'keyword.control.module.rip' },
      { match: word(WORDS.declaration), name: 'storage.type.rip' },
      { match: word(WORDS.constant), name: 'constant.language.rip' },
      { match: word(WORDS.language), name: 'variable.language.rip' },
      {
        match: String.raw`(?<=[\w$}*] )from(?=\s*["'])|(?<=["'] )with(?=\s*\{)`,
        name: 'keyword.control.module.rip',
      },
      {
        match: String.raw`(?<=[\w$)\]}"'] )(?:by)(?=\s+[\w$(-])|(?<=for )own(?=\s+[\w$\[{])|(?<=[\w$)\]}"'*] )as(?=!?\s+[\w$({\["'])`,
        name: 'keyword.operator.word.rip',
      },
    ],
  },
  types: {
    match: String.raw`(?<=[\w$)]:\s)(?:string|number|boolean|unknown|never|any|object|bigint)(?=\s*(?:\[\])*\s*(?:[=,)|;#&]|->|=>|$))`,
    name: 'support.type.primitive.rip',
  },
  operators: {
    patterns: [
      { match: PATTERNS.arrows, name: 'storage.type.function.arrow.rip' },
      { match: anyOf(OPERATORS), name: 'keyword.operator.rip' },
    ],
  },
  names: { match: NAME, name: 'variable.other.rip' },
  schema: {
    patterns: [
      {
        // The body is the lines below that are indented deeper.
        begin: String.raw`^([ \t]*)(?=\S.*(?<![\w$.@])schema(?:[ \t]+:(?:${KIND_WORDS.join('|')}))?[ \t]*(?:#.*)?$)(?!.*\b(?:if|unless|for|while|until|switch|when|class)\b)`,
        while: String.raw`^(?=\1[ \t]+\S)|^(?=[ \t]*$)`,
        name: 'meta.schema.rip',
        patterns: include('schemaHead', 'schemaLines', 'code'),
      },
      { include: '#schemaHead' },
    ],
  },
  schemaHead: {
    match: String.raw`(?<![\w$.@])(${CONTEXT_WORDS.schema})(?:(?=[ \t]*(?:;|(?:#.*)?$))|[ \t]+(:(?:${KIND_WORDS.join('|')}))(?![\w$]))`,
    captures: { 1: { name: 'storage.type.schema.rip' }, 2: { name: 'constant.other.symbol.rip' } },
  },
  schemaLines: {
    patterns: [
      {
        match: String.raw`^\s*(@(?:${DIRECTIVE_WORDS.join('|')}))(!)?(?![\w$])(?:[ \t]+(${NAME}))?`,
        captures: {
          1: { name: 'keyword.other.directive.rip' },
          2: { name: 'keyword.operator.rip' },
          3: { name: 'entity.name.type.rip' },
        },
      },
      {
        match: String.raw`^\s*(${NAME})([!?]*)(?:[ \t]+(~?)(?:(${TYPE_WORDS.join('|')})(?![\w$])|(:${NAME})|(${NAME})(?![\w$])))?(?=[ \t]*(?:$|[,;\["'#@{/\-.\d]|\|))(?!\s*:)`,
        captures: {
          1: { name: 'variable.other.property.rip' },
          2: { name: 'keyword.operator.rip' },
          3: { name: 'keyword.operator.rip' },
          4: { name: 'support.type.primitive.rip' },
          5: { name: 'constant.other.symbol.rip' },
          6: { name: 'entity.name.type.rip' },
        },
      },
    ],
  },
}

/** The grammar for VS Code and other editors with TextMate grammars. */
export function textMateGrammar(): string {
  const grammar = {
    $schema: 'https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json',
    comment: 'Generated by editors/src/generate.ts',
    name: 'Rip',
    scopeName: 'source.rip',
    fileTypes: ['rip'],
    firstLineMatch: '^#!.*\\brip\\b',
    patterns: [{ include: '#all' }],
    repository: REPOSITORY,
  }
  return `${JSON.stringify(grammar, null, 2)}\n`
}
