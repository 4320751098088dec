/*
 * cmd.h: the sub-commands. Each gets its own name in argv[0] and returns the exit status, an
 * err_code, having printed its one line of error if there was one.
 */
#ifndef OB_SRC_CMD_H
#define OB_SRC_CMD_H

int cmd_demo(int argc, char **argv);
int cmd_party(int argc, char **argv);
int cmd_provide(int argc, char **argv);
int cmd_classify(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_check_conf(int argc, char **argv);
int cmd_frames(int argc, char **argv);
int cmd_actor(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_infer(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_prep(int argc, char **argv);
int cmd_prepare(int argc, char **argv);
int cmd_bench(int argc, char **argv);

#endif
