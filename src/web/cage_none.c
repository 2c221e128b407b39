/*
 * src/web/cage_none.c - a build without libseccomp
 */
#include "web/parts.h"

#include <errno.h>

int cage(void)
{
	return -EOPNOTSUPP;
}
