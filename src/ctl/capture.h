/*
 * src/ctl/capture.h - which sessions capture what, and the flags that tell the workers
 *
 * The list in struct control is the truth; tunnels' TUNNEL_CAPTURE and the head's two
 * counts are made from it in a transaction. Several sessions may capture, also the same tunnel.
 */
#ifndef SIXXSD_CTL_CAPTURE_H
#define SIXXSD_CTL_CAPTURE_H

#include "ctl/control.h"

/* @tid TID_NONE: every tunnel. Return: 0, in force at once, or -errno with @why */
int capture_begin(struct control *c, void *connection, uint16_t tid, struct why *why);
/* Take it off the list; capture_mark() is the caller's. Return: was it there? */
bool capture_forget(struct control *c, const void *connection);
/* In an open transaction: make @cf say what the list does. */
void capture_mark(struct control *c, struct config *cf);
/* A transaction of its own. */
void capture_settle(struct control *c);

#endif
