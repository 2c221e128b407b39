/*
 * src/ctl/refuse.h - `return refuse(why, 404, "...");`
 */
#ifndef SIXXSD_CTL_REFUSE_H
#define SIXXSD_CTL_REFUSE_H

#include "base/why.h"

/**
 * refuse() - fill @why with one sentence
 * @code:	CLI code, enum answer_code
 *
 * Control characters, which a client can quote into a word, come out as '?'. Too long is
 * cut. Return: -ENOENT for 404, -EIO for 406 and 500, else -EINVAL
 */
int refuse(struct why *why, int code, const char *fmt, ...) PRINTF(3, 4);

#endif
