/*
 * src/table/config.h - the configuration as a value
 *
 * Two of these lie in the region. The workers read the published one and never
 * write; the control thread edits the other, publishes it with one store and
 * waits until every worker has moved over before it touches the old one. Nothing
 * here is a pointer: struct config is the private handle that a process builds
 * over its mapping of the region (table/region.h).
 *
 * A tunnel's record carries a generation. A worker that moves to a new
 * configuration "adopts" the records whose generation differs from the one its
 * tunnel last adopted: that is where static endpoints, states and resets take
 * effect (table/tunnel.h), so that a tunnel's state has one writer.
 */
#ifndef SIXXSD_TABLE_CONFIG_H
#define SIXXSD_TABLE_CONFIG_H

#include "base/addr.h"
#include "base/time.h"
#include "table/plan.h"

enum tunnel_kind {
	KIND_NONE,			/* slot not configured */
	KIND_STATIC,
	KIND_AYIYA,			/* dynamic: AYIYA alone brings it up */
	KIND_HEARTBEAT,			/* dynamic: heartbeats, then protocol 41 or GRE */
	KIND_DYNAMIC,			/* either */
};

enum tunnel_encap {
	ENCAP_AUTO,
	ENCAP_DIRECT,
	ENCAP_GRE,
};

enum tunnel_hash {
	HASH_SHA1,
	HASH_SHA256,
};

enum tunnel_flag {
	TUNNEL_DISABLED		= 1 << 0,	/* administratively */
	TUNNEL_SECRET		= 1 << 1,	/* a password is set: struct secret is valid */
	TUNNEL_GRE_KEY		= 1 << 2,
	TUNNEL_MSS		= 1 << 3,	/* clamp TCP MSS to the tunnel's MTU */
	TUNNEL_DEBUG		= 1 << 4,	/* a session traces this tunnel; never saved */
	TUNNEL_CAPTURE		= 1 << 5,	/* sessions capture it; likewise */
};

struct tunnel_conf {
	struct ip6_addr	them;		/* static: the endpoint; else last `tunnel set remote` */
	uint32_t	generation;	/* changes with anything in this record */
	uint32_t	id;		/* T<id> */
	uint32_t	remote_seq;	/* steps with every `tunnel set remote` */
	uint32_t	reset_seq;	/* steps with every `tunnel reseterrors` */
	uint32_t	gre_key;
	uint32_t	rate_kbit_s;	/* 0: unlimited; each direction for itself */
	uint32_t	rate_pps;	/* 0: unlimited */
	uint16_t	mtu_bytes;	/* inner, 1280..1480 */
	uint8_t		kind;		/* enum tunnel_kind */
	uint8_t		encap;		/* enum tunnel_encap */
	uint8_t		hash;		/* enum tunnel_hash */
	uint8_t		flags;		/* enum tunnel_flag */
	uint16_t	tenant;		/* steps when a load makes it another tunnel's slot */
	uint8_t		pad[12];
};
_Static_assert(sizeof(struct tunnel_conf) == 64, "one cache line");

/* Secrets region only; left out of core dumps, never printed. */
struct secret {
	uint8_t		sha1[20];	/* of the password: the AYIYA secret */
	uint8_t		sha256[32];
	uint8_t		password[PASSWORD_MAX];
	uint8_t		len;		/* octets of password */
	uint8_t		pad[7];
};
_Static_assert(sizeof(struct secret) == 192, "three cache lines");

/* Who may look at the page: SHA-256 of a token, in the secrets region too. */
struct token {
	uint8_t		sha256[32];
	uint8_t		set;
	uint8_t		pad[7];
};
_Static_assert(sizeof(struct token) == 40, "part of the region");

/* `pop set http`. Left alone: loopback, port HTTP_PORT, no TLS. */
struct http_conf {
	struct ip6_addr	address;
	uint16_t	port;
	uint8_t		off;
	uint8_t		chosen;		/* the command was given */
	uint8_t		pad[4];
	char		certificate[HTTP_FILE_MAX];	/* absolute; empty: no TLS */
	char		key[HTTP_FILE_MAX];
};
_Static_assert(sizeof(struct http_conf) == 24 + 2 * HTTP_FILE_MAX, "part of the region");

struct pop {
	struct ip6_addr	v4;		/* mapped; unspecified: none */
	struct ip6_addr	v6;
	char		name[POP_NAME_MAX + 1];
	uint8_t		set;		/* `pop set details` was given for this id */
};
_Static_assert(sizeof(struct pop) == 48, "part of the region");

/* `pop set fastpath`: interfaces whose frames need not go through user space. */
enum fastpath_mode {
	FASTPATH_ANY,			/* the best of the others, xdp/ports.c */
	FASTPATH_NATIVE,
	FASTPATH_GENERIC,
	FASTPATH_TC,
	FASTPATH_CLSACT,		/* TC by a filter: before Linux 6.6, xdp/clsact.h */
};

struct fastpath_port {
	char		name[16];	/* of the interface, NUL-terminated */
	uint8_t		mode;		/* enum fastpath_mode */
	uint8_t		pad[7];
};
_Static_assert(sizeof(struct fastpath_port) == 24, "part of the region");

struct fastpath_conf {
	struct fastpath_port	port[FASTPATH_MAX];
	uint32_t		ports;	/* 0: off */
	uint32_t		automatic;	/* bool: those of the default routes, if nothing */
						/* is in the way; then @ports is 0 */
};

struct config_head {
	uint64_t	revision;	/* counts publications */
	struct plan	plan;
	struct pop	pop[POPS_MAX];
	struct ip6_addr	acl[ACL_MAX];
	uint8_t		acl_len[ACL_MAX];
	struct ip6_addr	local[LOCAL_MAX];	/* `pop set localip`; none: any local address */
	struct ip6_addr	host[HOST_ADDRESSES_MAX];	/* of the host's interfaces; not configured */
	/*
	 * Every outer address that is the PoP's (own details, localip, host), either
	 * family: nesting and self loops, forwarding.md 2.2 (10).
	 */
	struct ip6_addr	own[OWN_MAX];
	uint32_t	acls;
	uint32_t	locals;
	uint32_t	hosts;
	uint32_t	owns;
	uint32_t	tunnels;	/* slots configured */
	uint32_t	tunnel_end;	/* one past the highest configured tid: bounds every sweep */
	uint32_t	stats_epoch;	/* steps with `tunnel stats RESET`: latency window */
	uint32_t	latency_interval_s;	/* 0: off */
	uint32_t	verbosity;
	uint32_t	workers;	/* `pop set workers`, of the next start; WORKERS_AUTO */
	uint32_t	no_offload;	/* `pop set offload off`: every packet alone */
	uint32_t	drop_reserved;	/* `pop set reserved drop`: security.md H2 */
	uint32_t	captures;	/* sessions that capture; never saved, and */
	uint32_t	capture_all;	/* those of them that capture every tunnel */
	uint32_t	token_needed;	/* there is an admin token: not everybody on this host is one */
	struct fastpath_conf fastpath;
	struct http_conf http;
	/* what the last publication changed; more than fit: sweep all */
	uint32_t	changes;
	uint16_t	change[64];
};

/* The handle: valid in the process and thread that built it. */
struct config {
	struct config_head	*head;
	struct tunnel_conf	*tunnel;	/* [limits.tunnels] */
	uint16_t		*subnet;	/* [limits.subnets], tid or TID_NONE */
	struct secret		*secret;	/* [limits.tunnels]; NULL for readers */
	struct token		*token;		/* [limits.tunnels + 1], the last the PoP's; likewise */
	struct limits		limits;
};

static inline const struct plan *config_plan(const struct config *cf)
{
	return &cf->head->plan;
}

/* NULL unless @tid is a slot and configured. */
static inline const struct tunnel_conf *config_tunnel(const struct config *cf, uint16_t tid)
{
	if (tid >= cf->limits.tunnels || cf->tunnel[tid].kind == KIND_NONE)
		return NULL;
	return &cf->tunnel[tid];
}

/* The PoP's own token, of who may see everything. */
static inline struct token *config_admin_token(const struct config *cf)
{
	return &cf->token[cf->limits.tunnels];
}

static inline bool conf_is_dynamic(const struct tunnel_conf *c)
{
	return c->kind > KIND_STATIC;
}

static inline bool conf_takes_ayiya(const struct tunnel_conf *c)
{
	return c->kind == KIND_AYIYA || c->kind == KIND_DYNAMIC;
}

static inline bool conf_takes_heartbeat(const struct tunnel_conf *c)
{
	return c->kind == KIND_HEARTBEAT || c->kind == KIND_DYNAMIC;
}

/*
 * lookup6 of forwarding.md 1: plan_place() and then who is configured there. A place
 * inside our prefixes without a configured tunnel is PLACE_UNASSIGNED with the tid it
 * would have (TID_NONE if none), never the uplink.
 */
struct place config_lookup6(const struct config *cf, const struct ip6_addr *a);

/* @a is one of the PoP's outer addresses: may not be an endpoint, security.md L4. */
bool config_is_own(const struct config *cf, const struct ip6_addr *a);

/* An endpoint no tunnel may have: bad class, own address, inside our prefixes. */
bool config_bad_endpoint(const struct config *cf, const struct ip6_addr *a);

/* Which local addresses serve tunnels: all, unless `pop set localip` names some. */
bool config_serves(const struct config *cf, const struct ip6_addr *local);

/* The PoP's configured outer address of @family_of's family; unspecified if none. */
struct ip6_addr config_outer_us(const struct config *cf, const struct ip6_addr *family_of);

#endif
