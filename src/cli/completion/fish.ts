import type { Flag, Grammar, Place, Verb } from './grammar.ts';

/** In single quotes fish takes only \\ and \' as escapes. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

function offer(place: Place): string {
  if (place === 'container') return " -a '(__tsrun_containers)'";
  if (place === 'directory') return " -a '(__fish_complete_directories)'";
  if (place === 'file') return ' -F';
  return place === 'anything' ? '' : ` -a ${quoted(place.words.join(' '))}`;
}

function flagLine(when: string, { long, short, description, value }: Flag): string {
  const names = [...(long ? [`-l ${long.slice(2)}`] : []), ...(short ? [`-s ${short.slice(1)}`] : [])].join(' ');
  const takes = value === undefined ? '' : ` -x${offer(value)}`;
  return `complete -c tsrun -n ${quoted(when)} ${names} -d ${quoted(description)}${takes.replace(' -x -F', ' -r -F')}\n`;
}

function verbLines(verb: Verb): string {
  const when = `__tsrun_verb ${verb.name}`;
  const places = verb.places.map((place, i) => {
    const at = i === verb.places.length - 1 && verb.repeats ? '-ge' : '-eq';
    return place === 'anything'
      ? ''
      : `complete -c tsrun -n ${quoted(`${when}; and test (__tsrun_place) ${at} ${i}`)}${offer(place)}\n`;
  });
  return verb.flags.map((flag) => flagLine(when, flag)).join('') + places.join('');
}

/** Completion for fish. */
export function fishScript({ flags, verbs }: Grammar): string {
  return `# Written by \`tsrun completion fish\`; load it with: tsrun completion fish | source
function __tsrun_words
    set -l words (commandline -opc)
    set -l skip 0
    for word in $words[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word --data-root --log-level
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end
function __tsrun_verb
    set -l words (__tsrun_words)
    test (count $words) -ge 1; and test "$words[1]" = "$argv[1]"
end
function __tsrun_no_verb
    test (count (__tsrun_words)) -eq 0
end
function __tsrun_place
    math (count (__tsrun_words)) - 1
end
function __tsrun_containers
    tsrun ps -a --format '{{.Names}}' 2>/dev/null
end
complete -c tsrun -f
${flags.map((flag) => flagLine('__tsrun_no_verb', flag)).join('')}${verbs
  .map(({ name, description }) => `complete -c tsrun -n __tsrun_no_verb -a ${quoted(name)} -d ${quoted(description)}\n`)
  .join('')}${verbs.map(verbLines).join('')}`;
}
