/*
 * src/ctl/show_part.h - what the files of show.h share with each other
 */
#ifndef SIXXSD_CTL_SHOW_PART_H
#define SIXXSD_CTL_SHOW_PART_H

#include "ctl/show.h"
#include "ctl/stats.h"

/* Any case; ERR_NONE: no such name. */
enum errname show_error_named(const char *name);

/* Fields of the open object; times that are not there are null. */
void json_latency(struct answer *an, const struct stats_latency *l);
/* An object of its own: name, count, sentence. */
void json_verdict(struct answer *an, enum verdict v, uint64_t count);

/**
 * show_read_file() - the start of a small file of /proc or /etc
 * @buf:	ends in a NUL afterwards; empty when there is nothing to read
 *
 * Return: octets read, at most @size - 1
 */
size_t show_read_file(const char *path, char *buf, size_t size);

int show_hostinfo(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		  struct answer *an);
int show_threads(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		 struct answer *an);
int show_limits(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		struct answer *an);
int show_fastpath(struct control *c, struct session *s, const struct arg *args, unsigned int n,
		  struct answer *an);
int show_drops(struct control *c, struct session *s, const struct arg *args, unsigned int n,
	       struct answer *an);

/* The PoP's own name; never NULL. */
const char *show_pop_name(const struct control *c);
/* Seconds since start, whatever the wall clock did meanwhile. */
uint64_t show_uptime_s(const struct control *c);

#endif
