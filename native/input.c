/* input.c: what the monitor's clients write, for the container to read: one after the other, as far as it has room. Nothing here waits. */
#include <asm/errno.h>
#include <linux/mman.h>
#include "keep.h"

/* Pages that nobody has touched cost nothing. */
static u8 buffer[DEFAULT_PIPE] __attribute__((aligned(4096)));
static u8 last_typed;

void rest_input(void) {
  if (keeper.input_start == keeper.input_end) sys(madvise, buffer, DEFAULT_PIPE, MADV_DONTNEED);
}

/* Nobody inside reads it any more: whoever writes to us is to learn of it. */
static void close_input(void) {
  close_fd(&keeper.input);
  keeper.input_start = keeper.input_end = 0;
  for (int i = 0; i < MAX_CLIENTS; i++) close_fd(&keeper.clients[i].input);
}

/* The whole of it was read, with the word that this was all, and the container had room for it. */
void end_input(struct client *client) {
  if (!client->input_read || !client->input_over || keeper.input < 0 || keeper.input_start < keeper.input_end) return;
  client->input_over = 0;
  if (has_terminal()) type_end_of_file(keeper.input, last_typed);
  else if (client->starter && keeper.job.flags & JOB_FED) close_input();
}

void push_input(void) {
  while (keeper.input_start < keeper.input_end) {
    const u8 *at = buffer + keeper.input_start;
    s64 done = sys(write, keeper.input, at, keeper.input_end - keeper.input_start);
    if (done == -EAGAIN || done == -ENOMEM) return; /* the latter passes, and is no reason to end its input */
    if (done == -EINTR) continue;
    if (is_error(done)) {
      if (!has_terminal()) close_input();
      break;
    }
    keeper.input_start += (u32)done;
    last_typed = at[done - 1];
  }
  keeper.input_start = keeper.input_end = 0;
  for (int i = 0; i < MAX_CLIENTS; i++) end_input(&keeper.clients[i]);
}

void carry_input(struct client *client) {
  if (keeper.input_start < keeper.input_end) return; /* one after the other */
  if (client->input < 0) return; /* it has been dropped since it had some */
  s64 got = sys(read, client->input, buffer, DEFAULT_PIPE);
  if (got == -EAGAIN || got == -EINTR) return;
  if (got > 0) {
    keeper.input_end = (u32)got;
    push_input();
    return;
  }
  client->input_read = 1;
  close_fd(&client->input);
  end_input(client);
}
