/* monitor.h: the roles of tsrun-monitor. Each returns the exit code of the process. */
#ifndef TSRUN_MONITOR_H
#define TSRUN_MONITOR_H

int keep_main(void);
int enter_main(void);
int relay_main(int argc, char **argv);
int init_main(int argc, char **argv, char **envp);

#endif
