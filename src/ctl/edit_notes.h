/*
 * src/ctl/edit_notes.h - what edit_*.c and control.c share: notes of what was touched,
 * and whether it was changed in the end
 */
#ifndef SIXXSD_CTL_EDIT_NOTES_H
#define SIXXSD_CTL_EDIT_NOTES_H

#include "ctl/edit.h"

void note_head(struct changes *ch);
void note_tunnel(struct changes *ch, uint16_t tid);
void note_subnet(struct changes *ch, uint32_t index);

/* Is the record the same in both, generation apart, and its secret too? */
bool tunnel_conf_same(const struct config *a, const struct config *b, uint16_t tid);
/* Everything of the head but its revision and list of changes. */
bool config_head_same(const struct config *a, const struct config *b);

/* The sentence for an endpoint that config_bad_endpoint() refuses. */
const char *endpoint_fault(const struct config *cf, const struct ip6_addr *a);

#endif
