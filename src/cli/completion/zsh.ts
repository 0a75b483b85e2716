import { type Flag, type Grammar, type Place, quoted, type Verb } from './grammar.ts';

/** An action of _arguments. */
function action(place: Place): string {
  if (place === 'container') return 'container:_tsrun_containers';
  if (place === 'directory') return 'directory:_files -/';
  if (place === 'file') return 'file:_files';
  return place === 'anything' ? 'value: ' : `word:(${place.words.join(' ')})`;
}

/** `(-e --env)*-e[set a variable]:value: `: in a description brackets and backslashes are escaped. */
function flagSpecs({ long, short, description, value }: Flag): string[] {
  const text = description.replace(/[\\[\]]/g, '\\$&');
  const names = [long, short].filter((name) => name !== undefined);
  return names.map((name) => quoted(`*${name}[${text}]${value === undefined ? '' : `:${action(value)}`}`));
}

function placeSpecs({ places, repeats, flagsEnd }: Verb): string[] {
  return places.map((place, i) => {
    const isRest = i === places.length - 1 && repeats;
    // `*::` shifts the words: what follows is a command line of its own.
    return quoted(isRest ? `${flagsEnd ? '*::' : '*:'}${action(place)}` : `${i + 1}:${action(place)}`);
  });
}

function verbCase(verb: Verb): string {
  const specs = [...verb.flags.flatMap(flagSpecs), ...placeSpecs(verb)];
  return `        ${verb.name}) _arguments -S ${verb.flagsEnd ? "-A '-*' " : ''}\\\n          ${specs.join(' \\\n          ')} ;;\n`;
}

/** Completion for zsh's own system. */
export function zshScript({ flags, verbs }: Grammar): string {
  return `#compdef tsrun
# Written by \`tsrun completion zsh\`; load it with: source <(tsrun completion zsh), or save it as _tsrun in a directory of $fpath
_tsrun_containers() {
  local -a names roots
  [[ -n $opt_args[--data-root] ]] && roots=(--data-root $opt_args[--data-root])
  names=(\${(f)"$(tsrun $roots ps -a --format '{{.Names}}' 2>/dev/null)"})
  compadd -a names
}
_tsrun() {
  local state line
  typeset -A opt_args
  _arguments -C -S -A '-*' \\
    ${flags.flatMap(flagSpecs).join(' \\\n    ')} \\
    '1:verb:->verb' '*::words:->words'
  case $state in
    verb)
      local -a verbs=(
${verbs.map(({ name, description }) => `        ${quoted(`${name}:${description}`)}\n`).join('')}      )
      _describe verb verbs ;;
    words)
      case $words[1] in
${verbs.map(verbCase).join('')}      esac ;;
  esac
}
if [[ $funcstack[1] = _tsrun ]]; then
  _tsrun "$@"
else
  compdef _tsrun tsrun
fi
`;
}
