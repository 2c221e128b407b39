/*
 * src/table/errname.h - historic error names as an enum; see errname.def
 */
#ifndef SIXXSD_TABLE_ERRNAME_H
#define SIXXSD_TABLE_ERRNAME_H

enum errname {
#define ERRNAME(symbol, text, summed) ERR_##symbol,
#include "table/errname.def"
#undef ERRNAME
	ERR_COUNT,
	ERR_NONE = ERR_COUNT,		/* nothing to count under a historic name */
};

/* How many of them the original had. */
#define ERR_HISTORIC	21

extern const char *const errname_text[ERR_COUNT];
extern const unsigned char errname_summed[ERR_COUNT];

#endif
