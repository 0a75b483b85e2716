/** A container with Docker's shape, and odd values under a name that docker's types do not know. Map keys are sorted, as a daemon writes them. */
export const CONTAINER = {
  Id: 'abc123def456abc',
  Name: '/web',
  State: { Status: 'running', Running: true, Pid: 42 },
  Config: { Labels: { a: '<b>&' }, Env: ['A=1', 'B=2'], Cmd: null },
  NetworkSettings: { Networks: {} },
  Mounts: [],
  Odd: {
    // biome-ignore lint/correctness/noPrecisionLoss: what a double makes of it is the point
    big: 12345678901234567890,
    e: 1e21,
    em: {},
    f: 1.25,
    list: [1, 'x', null, [true]],
    n: null,
    u: 'é\u0001\u2028',
  },
  Str: ['a', 'b'],
};

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Seconds, each some way from where docker's wording changes. */
const AGES = [
  75,
  3.5 * MINUTE,
  58.5 * MINUTE,
  75 * MINUTE,
  1.8 * HOUR,
  5.2 * HOUR,
  47.2 * HOUR,
  47.8 * HOUR,
  3.3 * DAY,
  13.4 * DAY,
  14.4 * DAY,
  50.4 * DAY,
  59.4 * DAY,
  61.4 * DAY,
  700.4 * DAY,
  731.4 * DAY,
  1500.4 * DAY,
];
const SIZES = [
  1,
  999,
  1000,
  1001,
  1145,
  12250,
  12350,
  99949,
  99950,
  123456,
  999499,
  999500,
  999999,
  1e6,
  1.5e7,
  123456789,
  1e12,
  5.555e15,
  Number.MAX_SAFE_INTEGER,
];
const COMMANDS = [
  'e\u0301'.repeat(12),
  'e\u0301'.repeat(30),
  '⌚⚡'.repeat(20),
  'sh',
  `bash -c 'echo "hello" world'`,
  'exactly twenty chars',
  'one more than twenty!',
  'tab\tand\nline',
  'esc\u001b[2J\u0007\u009b\u007f',
  'ünïcödé wörd äñd mörë',
  '世界世界世界世界世界',
  '世界世界世界世界世界世',
  'a世界世界世界世界世界世',
  'back\\slash',
  '⌚⚡ⓐ🇩🇪e\u0301ｆ｡…',
  '\u200b\u202e\u{1f600}',
  '',
];

/** One container of the list for every index of the longest table. */
export function containerList(now: number): ListedContainer[] {
  return SIZES.map((size, index) => ({
    Id: `${index}`.padStart(4, '0') + 'abcdef0123456789'.repeat(3),
    Names: [`/name${'x'.repeat(index)}`],
    Image: index % 3 === 0 ? 'alpine' : 'registry.example/image:<latest>&"',
    ImageID: 'sha256:1',
    Command: COMMANDS[index % COMMANDS.length] ?? '',
    Created: Math.floor(now / 1000 - (AGES[index % AGES.length] ?? 0)),
    Ports: [],
    Labels: { a: `<${index}>` },
    State: 'running',
    Status: index === 2 ? '' : 'Up é 世界',
    SizeRw: size,
    HostConfig: { NetworkMode: 'default' },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  }));
}

/** What `containers/json` says of one container, as far as the fixture goes. */
export interface ListedContainer {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  Command: string;
  /** Seconds since 1970. */
  Created: number;
  Ports: never[];
  Labels: Record<string, string>;
  State: string;
  Status: string;
  SizeRw: number;
  HostConfig: { NetworkMode: string };
  NetworkSettings: { Networks: Record<string, never> };
  Mounts: never[];
}
