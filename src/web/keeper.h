/*
 * src/web/keeper.h - the daemon's side of the web process
 *
 * HTTP, metrics and the page are another process of this program, without any privilege and
 * without the secrets: it maps the state region read-only and asks here whose a token is. What
 * it needs of the world is opened here and handed to it. If it dies it is started again, a little
 * later each time. Control thread.
 */
#ifndef SIXXSD_WEB_KEEPER_H
#define SIXXSD_WEB_KEEPER_H

#include "base/why.h"
#include "ctl/log.h"
#include "table/region.h"

struct keeper;

struct keeper_config {
	const struct region *region;
	struct log	*log;
	int		state, history;		/* read-only descriptors; -1: none */
	int		lines, cpus_map;	/* the fast path's, likewise */
	unsigned int	cpus;
	/* What is decided about a tunnel's packets, written to @fd, which is theirs. */
	void		(*watch)(void *context, int fd, uint16_t tid);
	void		*context;
};

/* Return: NULL: no memory or descriptors, with @why. @kc is copied, descriptors become ours */
struct keeper *keeper_new(const struct keeper_config *kc, struct why *why);
/* The process ends. @k may be NULL. */
void keeper_free(struct keeper *k);

/**
 * keeper_prepare() - can the page be where @next wants it?
 *
 * The socket is bound; if the process runs it was given certificate and key and says so, within
 * WAIT_MS. With @again certificate and key are read anew though their names are the same, which is
 * how they are renewed. Then keeper_settle() says whether that is in force now. Return: 0, or -errno with @why
 * and everything as it was
 */
int keeper_prepare(struct keeper *k, const struct http_conf *next, bool again, struct why *why);
void keeper_settle(struct keeper *k, bool keep);

/* Can we open what @h names? @who we are: "the daemon runs as". Return: 0, or -errno with @why */
int keeper_files(const struct http_conf *h, const char *who, struct why *why);

/* Start the process, once privileges are gone. Return: 0, or -errno with @why */
int keeper_start(struct keeper *k, struct why *why);
/* It failed, for that reason: logged, and keeper_second() tries again. */
void keeper_later(struct keeper *k, const struct why *why);
/* Readable when there is something for keeper_event(); stays the same. */
int keeper_fd(const struct keeper *k);
void keeper_event(struct keeper *k);
/* Once a second: starts it again. */
void keeper_second(struct keeper *k);
/* Another configuration is in force. */
void keeper_news(struct keeper *k);

#endif
