/*
 * src/ctl/edit.h - every change a command may make to a configuration
 *
 * Each function validates all of its arguments first and then changes @cf whole, or
 * changes nothing and says why. @cf is never the published configuration. What was
 * touched is noted in @ch, so that the other copy can be brought level cheaply and
 * so that the workers know which tunnels to adopt.
 */
#ifndef SIXXSD_CTL_EDIT_H
#define SIXXSD_CTL_EDIT_H

#include "base/digest.h"
#include "base/why.h"
#include "table/config.h"

#define CHANGES_MAX	64

/* What a transaction touched. More than fit: everything. */
struct changes {
	uint32_t	tunnels, subnets;	/* > CHANGES_MAX: sweep */
	uint16_t	tunnel[CHANGES_MAX];
	uint32_t	subnet[CHANGES_MAX];
	bool		head;
};

struct tunnel_args {
	uint16_t		tid;
	uint32_t		id;
	enum tunnel_kind	kind;
	struct ip6_addr		them;		/* KIND_STATIC */
	bool			disabled;
	uint16_t		mtu_bytes;
	const char		*password;	/* NULL: keep; borrowed */
	size_t			password_len;
	const struct digest	*digest;	/* for the password */
};

#define LATENCY_INTERVAL_DEFAULT_S	60

/* Empty, as a daemon without a file has it: acl 127.0.0.1 and ::1, interval 60 s. */
void config_clear(struct config *cf);

int edit_tunnel(struct config *cf, struct changes *ch, const struct tunnel_args *a,
		struct why *why);
int edit_tunnel_remove(struct config *cf, struct changes *ch, uint16_t tid, struct why *why);
int edit_encap(struct config *cf, struct changes *ch, uint16_t tid, enum tunnel_encap e,
	       bool has_key, uint32_t key, struct why *why);
int edit_hash(struct config *cf, struct changes *ch, uint16_t tid, enum tunnel_hash h,
	      struct why *why);
int edit_rate(struct config *cf, struct changes *ch, uint16_t tid, uint32_t kbit_s, uint32_t pps,
	      struct why *why);
int edit_mss(struct config *cf, struct changes *ch, uint16_t tid, bool clamp, struct why *why);
int edit_remote(struct config *cf, struct changes *ch, uint16_t tid, const struct ip6_addr *them,
		struct why *why);
int edit_debug(struct config *cf, struct changes *ch, uint16_t tid, bool on, struct why *why);
int edit_capture(struct config *cf, struct changes *ch, uint16_t tid, bool on, struct why *why);
int edit_reset_errors(struct config *cf, struct changes *ch, uint16_t tid, struct why *why);
int edit_subnet(struct config *cf, struct changes *ch, const struct prefix *p, uint16_t tid,
		struct why *why);
int edit_subnet_remove(struct config *cf, struct changes *ch, const struct prefix *p,
		       struct why *why);
/* Return: 1 when there already was one (no change, answered 200), 0 when set */
int edit_tunnel_prefix(struct config *cf, struct changes *ch, const struct prefix *p,
		       struct why *why);
/* @delegate 0: the historic /40 -> /48 and /48 -> /56. Return: 1 when already there */
int edit_subnet_prefix(struct config *cf, struct changes *ch, const struct prefix *p,
		       unsigned int delegate, struct why *why);
int edit_pop(struct config *cf, struct changes *ch, unsigned int id, const char *name,
	     const struct ip6_addr *v4, const struct ip6_addr *v6, struct why *why);
int edit_pop_id(struct config *cf, struct changes *ch, unsigned int id, struct why *why);
/* Return: 1 when already there */
int edit_acl_add(struct config *cf, struct changes *ch, const struct prefix *p, struct why *why);
int edit_acl_remove(struct config *cf, struct changes *ch, const struct prefix *p,
		    struct why *why);
/* Empty it; @keep: the address of who asked, NULL: nobody's. */
void edit_acl_reset(struct config *cf, struct changes *ch, const struct ip6_addr *keep);
int edit_local(struct config *cf, struct changes *ch, const struct ip6_addr *list, unsigned int n,
	       struct why *why);
/* Packets from the uplink with a reserved source: drop or pass (security.md H2). */
void edit_reserved(struct config *cf, struct changes *ch, bool drop);
/* Merged packets from and to the kernel; off: each alone. */
void edit_offload(struct config *cf, struct changes *ch, bool on);
void edit_workers(struct config *cf, struct changes *ch, uint32_t workers);
/* Whole names and modes, none twice; @f->ports 0: off. Whether they exist is the host's word. */
void edit_fastpath(struct config *cf, struct changes *ch, const struct fastpath_conf *f);
/* Where the page listens; whether it can is the host's word. */
void edit_http(struct config *cf, struct changes *ch, const struct http_conf *h);
/* Of who may see everything; .set 0: none. */
void edit_admin_token(struct config *cf, struct changes *ch, const struct token *token);
/* Of one tunnel's owner. */
int edit_token(struct config *cf, struct changes *ch, uint16_t tid, const struct token *token,
	       struct why *why);
int edit_latency(struct config *cf, struct changes *ch, uint32_t interval_s, struct why *why);
int edit_verbosity(struct config *cf, struct changes *ch, uint32_t level, struct why *why);
/* `tunnel stats RESET`: a new latency window */
void edit_stats_epoch(struct config *cf, struct changes *ch);
/* The addresses of the host's interfaces; more than fit are left out. Never refused. */
void edit_hosts(struct config *cf, struct changes *ch, const struct ip6_addr *list,
		unsigned int n);

/* T<id>, searched from @start on and around; TID_NONE: no such tunnel. */
uint16_t config_find_t_id(const struct config *cf, uint32_t id, uint16_t start);
/* Entries of the subnet array that the prefixes take. */
uint32_t config_subnets_used(const struct config *cf);
/* The largest tid there can be now: the limit's, or the tunnel prefix's. */
uint16_t config_tid_last(const struct config *cf);
/* @tid is beyond that. Return: -EINVAL, with what to change in @why */
int refuse_tid(const struct config *cf, uint64_t tid, struct why *why);

/* Same content, byte for byte, where a file is concerned: not what runtime knows (generations,
 * debug, captures, `set remote` of a dynamic tunnel, resets, the host's addresses)? */
bool config_equal(const struct config *a, const struct config *b);
/* Bring @to level with @from in what @ch names. */
void config_level(struct config *to, const struct config *from, const struct changes *ch);

#endif
