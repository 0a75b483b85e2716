import { isIP } from 'node:net';
import type { DnsOptions, ExtraHost, NetworkMode } from './run-options.ts';

export interface HostsWishes {
  network: NetworkMode;
  /** The container's name, for its own line. */
  hostname: string;
  /** The container's addresses; none without a network of its own. */
  addresses: readonly string[];
  extraHosts: readonly ExtraHost[];
  /** The host's /etc/hosts. */
  hostText: string;
}

const DEFAULT_HOSTS: ReadonlyArray<readonly [ip: string, names: string]> = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::0', 'ip6-localnet'],
  ['ff00::0', 'ip6-mcastprefix'],
  ['ff02::1', 'ip6-allnodes'],
  ['ff02::2', 'ip6-allrouters'],
];

/**
 * /etc/hosts: Docker's six lines, --add-host, and the container's own. On the host's network it is a copy of the host's,
 * but with --add-host it is written afresh there too: so does Docker, so that a name of the host can be given another address.
 */
export function hostsFile(wishes: HostsWishes): string {
  const names = wishes.hostname.includes('.')
    ? `${wishes.hostname} ${wishes.hostname.replace(/\..*$/s, '')}`
    : wishes.hostname;
  const text = (lines: ReadonlyArray<readonly [string, string]>) =>
    lines.map(([ip, name]) => `${ip}\t${name}\n`).join('');
  const own = text(wishes.addresses.map((ip) => [ip, names] as const));
  if (wishes.network === 'host' && wishes.extraHosts.length === 0) return wishes.hostText + own;
  const extra = wishes.extraHosts.map(({ host, ip }) => [ip, host] as const);
  return text([...DEFAULT_HOSTS, ...extra]) + own;
}

export function hostnameFile(hostname: string): string {
  return `${hostname}\n`;
}

export interface ResolvConfWishes {
  network: NetworkMode;
  dns: DnsOptions;
  /** The host's /etc/resolv.conf; empty when there is none. */
  hostText: string;
}

/** Docker's own way out when nothing is left. */
const FALLBACK_SERVERS = ['8.8.8.8', '8.8.4.4'];

/**
 * /etc/resolv.conf. Without --dns…: the host's text, and in another network namespace without its loopback servers, which
 * answer only on the host. With --dns, --dns-search or --dns-option: written afresh, each list replacing the host's.
 */
export function resolvConfFile(wishes: ResolvConfWishes): string {
  const { dns, network } = wishes;
  const afresh = dns.servers.length + dns.search.length + dns.options.length > 0;
  if (!afresh && network === 'host') return wishes.hostText;
  const host = readResolvConf(wishes.hostText);
  const reachable = network === 'host' ? host.servers : host.servers.filter((server) => !isLoopback(server));
  const fallback = network === 'host' ? [] : FALLBACK_SERVERS;
  if (!afresh) return withoutLoopback(wishes.hostText, reachable.length > 0 ? [] : fallback);
  const servers = dns.servers.length > 0 ? dns.servers : reachable.length > 0 ? reachable : fallback;
  const search = (dns.search.length > 0 ? dns.search : host.search).filter((domain) => domain !== '.');
  const options = dns.options.length > 0 ? dns.options : host.options;
  return [
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(search.length > 0 ? [`search ${search.join(' ')}\n`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}\n`] : []),
    ...host.others.map((line) => `${line}\n`),
  ].join('');
}

interface ResolvConf {
  servers: string[];
  search: string[];
  options: string[];
  /** sortlist and what else there may be, as it was written. */
  others: string[];
}

/** resolv.conf(5): the last search (or domain) line counts, options add up. */
function readResolvConf(text: string): ResolvConf {
  const result: ResolvConf = { servers: [], search: [], options: [], others: [] };
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '' || /^[#;]/.test(line)) continue;
    const [keyword, ...words] = line.split(/\s+/);
    if (keyword === 'nameserver') result.servers.push(...words.slice(0, 1).filter((word) => isIP(word) !== 0));
    else if (keyword === 'search' || keyword === 'domain') result.search = words;
    else if (keyword === 'options') result.options.push(...words);
    else result.others.push(line);
  }
  return result;
}

/** The host's text, comments and all, less the servers that cannot be reached. */
function withoutLoopback(text: string, extra: readonly string[]): string {
  const kept = text.split('\n').filter((line) => {
    const server = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    return server === undefined || !isLoopback(server);
  });
  while (kept.at(-1) === '') kept.pop();
  return [...kept, ...extra.map((server) => `nameserver ${server}`)].map((line) => `${line}\n`).join('');
}

function isLoopback(ip: string): boolean {
  return /^127\./.test(ip) || (isIP(ip) === 6 && /^[0:]+0*1$/.test(ip)) || /^::ffff:127\./i.test(ip);
}
