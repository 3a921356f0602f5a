/**
 * Functions for a completion script of bash from 3.2 on, which is the one of macOS. Bash splits words at `=` and `:`
 * (`COMP_WORDBREAKS`) and replaces only what follows the last of them, so words are put together first, and what is
 * offered is cut to that at the end.
 *
 * `PREFIX_read` sets `words` (up to the cursor), `cur` and `prev`; of `--flag=value` the value is `cur` and the flag
 * `prev`. `PREFIX_words LINES` offers lines that begin with `cur`, `PREFIX_paths -f|-d` files or folders. `PREFIX_cut` comes
 * last.
 *
 * @param prefix of the names of the functions
 */
export function bashWords(prefix: string): string {
  return `# Bash splits words at = and :, here they are whole again.
${prefix}_read() {
  local line=$COMP_LINE at word gap
  words=() typed=
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]} gap=
    [[ $word ]] && gap=\${line%%"$word"*}
    line=\${line:\${#gap}+\${#word}}
    if [[ $word && ! $gap && $at -gt 0 ]]; then words[\${#words[@]}-1]+=$word; else words+=("$word"); fi
  done
  cur=\${words[\${#words[@]}-1]} prev=\${words[\${#words[@]}-2]}
  if [[ $cur == --*=* ]]; then prev=\${cur%%=*} typed=\${cur%%=*}= cur=\${cur#*=}; fi
}
${prefix}_words() { local IFS=$'\\n' word; for word in $1; do [[ $word == "$cur"* ]] && COMPREPLY+=("$word"); done; }
${prefix}_paths() {
  local path
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "\${cur//\\\\/}")
  compopt -o filenames 2>/dev/null
}
# Bash replaces only what follows the last = or :.
${prefix}_cut() {
  local breaks= cut= at word
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+='='
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=':'
  [[ $breaks ]] && cut=$typed$cur cut=\${cut%"\${cut##*[$breaks]}"}
  for ((at = 0; at < \${#COMPREPLY[@]}; at++)); do
    word=$typed\${COMPREPLY[at]} COMPREPLY[at]=\${word#"$cut"}
  done
}`
}
