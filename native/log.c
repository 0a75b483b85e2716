/* log.c: the files of the log: opened, continued after a crash, rotated; a full disk costs lines, never the container. */
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <asm/mman.h>
#include "log.h"

#define CLOCK_REALTIME_ 0
#define SEEK_CUR_ 1
#define MODE 0600

/* What lies at some place of it goes to that place of a block of the file, so that whole blocks are written: the page cache takes them
 * by a third faster. Behind the block there is room for one entry that reaches into the next. */
static u8 buffer[LOG_BUFFER + LOG_ENTRY_MOST] __attribute__((aligned(4096)));

/* What is not yet, or not wholly, in the file. */
struct batch {
  struct log *log;
  u64 from, to; /* in the buffer; from < LOG_BUFFER */
  u64 written;  /* bytes of it that are in the file already; they end anywhere in an entry */
  u64 input;    /* bytes of output that are in it */
};

static const char *file_name(char *to, u32 number) {
  struct text text = { to, 0 };
  put_text(&text, "log.jsonl");
  if (number) put_field(&text, ".", number);
  to[text.length] = 0;
  return to;
}

void log_open(struct log *log, s64 dir, u64 max_size, u32 max_files) {
  memset(log, 0, sizeof *log);
  log->dir = dir;
  log->fd = -1;
  log->max_size = max_size && max_size < LOG_ENTRY_ROOM ? LOG_ENTRY_ROOM : max_size;
  log->max_files = max_files;
}

/* A crash may have left half a line at the end. */
static void mend(struct log *log) {
  u64 look = log->size < LOG_ENTRY_MOST ? log->size : LOG_ENTRY_MOST;
  s64 got = sys(pread64, log->fd, buffer, look, log->size - look);
  s64 end = got;
  while (end > 0 && buffer[end - 1] != '\n') end--;
  if (end == got) return;
  u64 whole = log->size - look + (u64)end;
  int cut = (end > 0 || look == log->size) && !is_error(sys(ftruncate, log->fd, whole));
  if (cut) log->size = whole;
  log->torn = !cut;
}

/* Whatever lies in its place, a fifo or a device, is not waited for and not written to. */
static int open_file(struct log *log) {
  struct statx about;
  char name[32];
  s64 fd = sys(openat, log->dir, file_name(name, 0), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, MODE);
  if (is_error(fd)) return -1;
  s64 result = sys(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &about);
  if (is_error(result) || (about.stx_mode & S_IFMT) != S_IFREG) {
    sys(close, fd);
    return -1;
  }
  log->fd = fd;
  log->size = about.stx_size;
  return 0;
}

static void close_file(struct log *log) {
  sys(close, log->fd);
  log->fd = -1;
  log->torn = 0;
}

/* The oldest goes first: a rename onto it makes ext4 write out the other one, and wait (auto_da_alloc). A file that cannot be moved
 * away is emptied: the limit comes first. */
static int rotate(struct log *log) {
  char from[32], to[32];
  close_file(log);
  u32 last = log->max_files - 1;
  sys(unlinkat, log->dir, file_name(to, last), 0);
  for (u32 number = last; number; number--)
    sys(renameat2, log->dir, file_name(from, number - 1), log->dir, file_name(to, number), 0);
  if (open_file(log)) return -1;
  if (!log->size) return 0;
  if (is_error(sys(ftruncate, log->fd, 0))) return -1;
  log->size = 0;
  return 0;
}

static void begin_batch(struct batch *batch) {
  batch->from = batch->to = batch->log->size % LOG_BUFFER;
  batch->written = batch->input = 0;
}

/* Half an entry is no entry: the whole batch is taken back. The descriptor knows where the write ended, whatever was done to the file
 * before. 0, or -1: what was in the batch is lost. */
static int write_up_to(struct batch *batch, u64 end) {
  struct log *log = batch->log;
  s64 result = 1;
  while (batch->from < end && (result > 0 || result == -EINTR_)) {
    result = sys(write, log->fd, buffer + batch->from, end - batch->from);
    if (result > 0) batch->from += (u64)result, batch->written += (u64)result;
  }
  log->size = (u64)sys(lseek, log->fd, 0, SEEK_CUR_);
  if (batch->from == end) {
    log->torn = 0;
    return 0;
  }
  log->lost += batch->input;
  if (batch->written) {
    log->size -= batch->written;
    log->torn = is_error(sys(ftruncate, log->fd, log->size));
  }
  begin_batch(batch);
  return -1;
}

static int flush(struct batch *batch) {
  if (batch->from < batch->to && write_up_to(batch, batch->to)) return -1;
  begin_batch(batch);
  return 0;
}

/* An entry of that size lies behind what is in the batch. 0, or -1 when there is no place for it. */
static int add(struct batch *batch, u64 made, u64 taken) {
  struct log *log = batch->log;
  u64 before = log->size + batch->to - batch->from, begin = batch->to;
  if (log->max_size && before && before + made > log->max_size) {
    if (flush(batch) || rotate(log)) return -1;
    begin_batch(batch);
    memcpy(buffer, buffer + begin, made); /* forwards, so that they may overlap */
  }
  batch->to += made;
  if (batch->to >= LOG_BUFFER) {
    if (write_up_to(batch, LOG_BUFFER)) return -1;
    memcpy(buffer, buffer + LOG_BUFFER, batch->to - LOG_BUFFER);
    batch->from = 0;
    batch->to -= LOG_BUFFER;
  }
  batch->input += taken;
  return 0;
}

/* How long an entry may be: it shall fit into a file of its own. */
static u64 room_of(const struct log *log) { return log->max_size && log->max_size < LOG_ENTRY_MOST ? log->max_size : LOG_ENTRY_MOST; }

/* In front of any other entry: a loss is said as soon as it can be, and half a line is ended. */
static int begin_with_loss(struct batch *batch, u64 time) {
  struct log *log = batch->log;
  begin_batch(batch);
  struct text text = { (char *)buffer + batch->to, 0 };
  struct log_head head;
  u64 lost = log->lost;
  if (log->torn) put_text(&text, "\n");
  if (lost) {
    log_head(&head, "tsrun", time);
    memcpy(text.bytes + text.length, head.bytes, head.length);
    text.length += head.length;
    put_field(&text, "lost\":", (s64)lost);
    put_text(&text, "}\n");
  }
  if (!text.length || add(batch, text.length, lost)) return text.length ? -1 : 0;
  log->lost = 0;
  return 0;
}

/* What is open, or can be opened now. */
static int is_ready(struct log *log) {
  if (log->fd >= 0) return 1;
  if (open_file(log)) return 0;
  log->used = 1;
  if (log->size) mend(log);
  return 1;
}

/* When a write ended within a character, the next one begins with the rest of it: alone, so that what follows is text again. */
static u64 owed_bytes(struct log *log, int stream, const u8 *bytes, u64 length) {
  u64 owed = log->owed[stream == 2], count = 0;
  while (count < owed && count < length && bytes[count] >> 6 == 2) count++;
  log->owed[stream == 2] = (u8)(count == length ? owed - count : 0);
  return count;
}

static void note_owed(struct log *log, int stream, const u8 *bytes, u64 length) {
  for (u64 back = 1; back <= 3 && back <= length; back++) {
    u8 byte = bytes[length - back];
    if (byte >> 6 == 2) continue;
    u64 whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (whole > back) log->owed[stream == 2] = (u8)(whole - back);
    return;
  }
}

void log_write(struct log *log, int stream, const u8 *bytes, u64 length) {
  struct batch batch = { .log = log };
  struct log_head head;
  if (!log->max_files || !length) return;
  u64 at = 0, time = clock_ns(CLOCK_REALTIME_), first = owed_bytes(log, stream, bytes, length);
  note_owed(log, stream, bytes, length);
  log_head(&head, stream == 2 ? "stderr" : "stdout", time);
  if (is_ready(log) && !begin_with_loss(&batch, time)) {
    log->used = 1;
    while (at < length) {
      u64 left = at < first ? first - at : length - at;
      struct log_entry entry = log_encode(&head, bytes + at, left, buffer + batch.to, room_of(log));
      if (add(&batch, entry.made, entry.taken)) break;
      at += entry.taken;
    }
    flush(&batch);
  }
  log->lost += length - at;
}

void log_rest(struct log *log) {
  if (log->used) sys(madvise, buffer, sizeof buffer, MADV_DONTNEED);
  log->used = 0;
}

void log_close(struct log *log) {
  struct batch batch = { .log = log };
  if (log->lost && is_ready(log) && !begin_with_loss(&batch, clock_ns(CLOCK_REALTIME_))) flush(&batch);
  log_rest(log);
  if (log->fd >= 0) close_file(log);
  log->max_files = 0;
}
