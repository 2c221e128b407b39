/*
 * src/table/enumword.h - the dialect's words for our enums
 */
#ifndef SIXXSD_TABLE_ENUMWORD_H
#define SIXXSD_TABLE_ENUMWORD_H

#include "table/tunnel.h"

const char *word_kind(enum tunnel_kind kind);		/* none static ayiya heartbeat dynamic */
const char *word_encap(enum tunnel_encap encap);	/* auto direct gre */
const char *word_hash(enum tunnel_hash hash);		/* sha1 sha256 */
const char *word_state(enum tunnel_state state);	/* none disabled down up */
const char *word_type(enum tunnel_type type);		/* none direct ayiya gre */

#endif
