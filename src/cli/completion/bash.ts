import { type Flag, type Grammar, namesOf, namesWithValue, type Place, quoted, type Verb } from './grammar.ts';

/** The command that fills COMPREPLY for a place. */
function offer(place: Place | undefined): string {
  if (place === undefined || place === 'anything') return ':';
  if (place === 'container') return '_tsrun_offer "$(_tsrun_containers)"';
  if (place === 'directory') return '_tsrun_files -d';
  if (place === 'file') return '_tsrun_files -f';
  return `_tsrun_offer ${quoted(place.words.join(' '))}`;
}

/** `case $previous in -w|--workdir) …; return ;;` for the flags that take a value. */
function valueCases(flags: readonly Flag[]): string {
  const names = new Map<string, string[]>();
  for (const flag of flags.filter(({ value }) => value !== undefined)) {
    const command = offer(flag.value);
    names.set(command, [...(names.get(command) ?? []), ...namesOf([flag])]);
  }
  return [...names].map(([command, list]) => `        ${list.join('|')}) ${command}; return ;;\n`).join('');
}

function verbCase(verb: Verb): string {
  const last = verb.places.length - 1;
  const places = verb.places.map((place, i) => `        ${i === last && verb.repeats ? '*' : i}) ${offer(place)} ;;\n`);
  return `    ${verb.name})
      _tsrun_words ${quoted(` ${namesWithValue(verb.flags).join(' ')} `)} ${verb.flagsEnd ? 1 : 0}
      if [[ $flags_end = 0 ]]; then
        case $previous in
${valueCases(verb.flags)}        esac
        if [[ $current = -* ]]; then
          _tsrun_offer ${quoted(namesOf(verb.flags).join(' '))}
          return
        fi
      fi
      case $place in
${places.join('')}      esac ;;
`;
}

/** Completion for bash, without the bash-completion package. */
export function bashScript({ flags, verbs }: Grammar): string {
  const withValue = ` ${namesWithValue(flags).join(' ')} `;
  return `# Written by \`tsrun completion bash\`; load it with: source <(tsrun completion bash)
_tsrun_offer() {
  local IFS=$' \\t\\n'
  COMPREPLY=($(compgen -W "$1" -- "$current"))
}
_tsrun_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$current"))
}
_tsrun_containers() {
  "\${COMP_WORDS[0]}" "\${roots[@]}" ps -a --format '{{.Names}}' 2>/dev/null
}
# From the verb to the cursor: which place the cursor is in, whether flags have ended, and the flag whose value it is.
_tsrun_words() {
  local i word
  place=0 flags_end=0 previous=
  for ((i = verb_at + 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $flags_end = 0 && $word = -- ]]; then
      flags_end=1
    elif [[ $flags_end = 0 && $word = -* ]]; then
      if [[ $1 = *" $word "* ]]; then
        previous=$word
        ((i++))
        [[ $word = --data-root && $i -lt $COMP_CWORD ]] && roots=(--data-root "\${COMP_WORDS[i]}")
        [[ $i -lt $COMP_CWORD ]] && previous=
      fi
    else
      ((place++))
      [[ $2 = 1 ]] && flags_end=1
    fi
  done
}
_tsrun() {
  local current=\${COMP_WORDS[COMP_CWORD]} verb= verb_at=0 place flags_end previous= i word
  local -a roots=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ ${quoted(withValue)} = *" $word "* ]]; then
      previous=$word
      ((i++))
      [[ $word = --data-root && $i -lt $COMP_CWORD ]] && roots=(--data-root "\${COMP_WORDS[i]}")
      [[ $i -lt $COMP_CWORD ]] && previous=
    elif [[ $word != -* ]]; then
      verb=$word verb_at=$i
      break
    fi
  done
  case $verb in
    '')
      case $previous in
${valueCases(flags)}      esac
      if [[ $current = -* ]]; then
        _tsrun_offer ${quoted(namesOf(flags).join(' '))}
      else
        _tsrun_offer ${quoted(verbs.map(({ name }) => name).join(' '))}
      fi ;;
${verbs.map(verbCase).join('')}  esac
}
complete -F _tsrun tsrun
`;
}
