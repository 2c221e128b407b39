/*
 * src/web/embedded.h - files that are part of the program; scripts/embed.py writes the table
 */
#ifndef SIXXSD_WEB_EMBEDDED_H
#define SIXXSD_WEB_EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char		*path;		/* "/app.js" */
	const char		*type;
	const unsigned char	*plain, *gzip;
	size_t			plain_len, gzip_len;
};

extern const struct embedded embedded_file[];
extern const size_t embedded_files;

#endif
