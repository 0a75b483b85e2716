import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One archive and one suite of it, as a one-line entry of sources.list(5) says it. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Path of a keyring; none when apt's trusted keys will do. */
  readonly signedBy: string | undefined;
  readonly trusted: boolean;
}

/** The binary package sources of this machine: `sources.list`, then `sources.list.d` by name. */
export function readAptSources(directory = '/etc/apt'): AptSource[] {
  const parts = join(directory, 'sources.list.d');
  const files = [join(directory, 'sources.list'), ...names(parts).map((name) => join(parts, name))];
  return files.flatMap((file) => {
    if (file.endsWith('.sources')) return parseStanzas(textOf(file));
    return file.endsWith('.list') ? parseLines(textOf(file)) : [];
  });
}

/**
 * The sources of a suite with its updates and security fixes. When the machine has another suite of the same archive,
 * that one's archives are taken for the wanted suite. None when the machine knows no such archive.
 */
export function sourcesForSuite(sources: readonly AptSource[], suite: string, own: string | undefined): AptSource[] {
  const direct = sources.filter((source) => familyOf(source.suite) === suite);
  if (direct.some((source) => source.suite === suite) || own === undefined) return direct;
  // Suites that are still moving have neither updates nor security fixes beside them.
  const moving = ['sid', 'unstable', 'experimental'].includes(suite);
  return sources
    .filter((source) => familyOf(source.suite) === own && (!moving || source.suite === own))
    .map((source) => ({ ...source, suite: suite + source.suite.slice(own.length) }));
}

export function oneLine({ uri, suite, components, signedBy, trusted }: AptSource): string {
  const options = [...(signedBy === undefined ? [] : [`signed-by=${signedBy}`]), ...(trusted ? ['trusted=yes'] : [])];
  return ['deb', ...(options.length === 0 ? [] : [`[${options.join(' ')}]`]), uri, suite, ...components].join(' ');
}

/** `bookworm-updates`, `bookworm-security` and the old `buster/updates` belong to the suite before them. */
function familyOf(suite: string): string {
  return suite.replace(/(-updates|-security|\/updates)$/, '');
}

/** The one-line format of sources.list(5): `deb [option=value …] uri suite component…`. */
export function parseLines(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line.replace(/#.*/, ''));
    if (match === null) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const value = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'i').exec(options)?.[1] ?? '';
    return usable(uri, suite, words(components), value('signed-by'), value('trusted'));
  });
}

/** The deb822 format: stanzas of fields; a line that begins with a blank goes on with the field before it. */
export function parseStanzas(text: string): AptSource[] {
  const clean = text.replace(/^#.*\n?/gm, '');
  return clean.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const [, name = '', value = ''] of stanza.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
      fields.set(name.toLowerCase(), value.trim());
    }
    const field = (name: string) => fields.get(name) ?? '';
    if (!words(field('types')).includes('deb') || /^(no|false|0)$/i.test(field('enabled'))) return [];
    return words(field('uris')).flatMap((uri) =>
      words(field('suites')).flatMap((suite) =>
        usable(uri, suite, words(field('components')), field('signed-by'), field('trusted')),
      ),
    );
  });
}

/** Only archives that are reached by the network; a key written into the file instead of its path cannot be passed on. */
function usable(uri: string, suite: string, components: string[], signedBy: string, trusted: string): AptSource[] {
  if (!/^https?:\/\//.test(uri) || suite.endsWith('/')) return [];
  const keyring = /^\/\S+$/.test(signedBy) ? signedBy : undefined;
  return [{ uri, suite, components, signedBy: keyring, trusted: /^(yes|true|1)$/i.test(trusted) }];
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
