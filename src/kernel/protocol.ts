/** The numbers of native/protocol.h, which draws who says what to whom. test/kernel/abi.test.ts compares the two. */

export const CONTROL = {
  started: 1,
  failed: 2,
  signal: 3,
  exited: 4,
  hello: 5,
  welcome: 6,
  refused: 7,
  resize: 8,
  inputEnded: 9,
  outputGone: 10,
  dropped: 11,
  stays: 12,
  leaving: 13,
  bytes: 8,
} as const;

export const PROTOCOL_VERSION = 1;
/** Which streams a client brings. */
export const HELLO = { input: 0x100, output: 0x200, errors: 0x400, terminal: 0x800 } as const;

export const FD_JOB = 3;
export const FD_CONTROL = 4;
export const FD_CHILD = 5;
export const FD_LOCK = 6;
export const FD_LISTENER = 7;
export const FD_DIRECTORY = 8;
export const FD_STDIN = 9;
export const FD_STDOUT = 10;
export const FD_STDERR = 11;
export const FD_CLIENT_INPUT = 12;
export const FD_CLIENT_OUTPUT = 13;
export const FD_CLIENT_ERRORS = 14;
export const FD_REAPER = 15;
export const FD_PROBE = 16;

export const JOB_MAGIC = 0x424a5354;
/** Byte offsets of `struct job`. */
export const JOB = {
  magic: 0,
  version: 4,
  enterTape: 8,
  enterSize: 12,
  afterTape: 16,
  afterSize: 20,
  enterPidSlot: 24,
  enterPidfdSlot: 28,
  flags: 32,
  logMaxFiles: 36,
  logMaxSize: 40,
  restart: 48,
  retries: 52,
  againTape: 56,
  againSize: 60,
  leaveTape: 64,
  leaveSize: 68,
  againStdinSlot: 72,
  againStdoutSlot: 76,
  againStderrSlot: 80,
  againLauncherSlot: 84,
  againPidSlot: 88,
  againPidfdSlot: 92,
  probeTape: 96,
  probeSize: 100,
  probeControlSlot: 104,
  probeStdoutSlot: 108,
  probeStderrSlot: 112,
  probePidSlot: 116,
  thawedTape: 120,
  thawedSize: 124,
  healthyTape: 128,
  healthySize: 132,
  unhealthyTape: 136,
  unhealthySize: 140,
  healthRetries: 144,
  healthInterval: 152,
  healthTimeout: 160,
  healthStartPeriod: 168,
  healthStartInterval: 176,
  bytes: 184,
} as const;
export const JOB_TERMINAL = 1;
export const JOB_INPUT = 2;
export const JOB_ATTACHED = 4;
export const JOB_FED = 8;

export const RESTART_NO = 0;
export const RESTART_ON_FAILURE = 1;
export const RESTART_ALWAYS = 2;
