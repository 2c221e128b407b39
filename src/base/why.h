/*
 * src/base/why.h - one sentence for people: what was wrong, where, what would be right
 *
 * Control functions return 0 or -errno and fill this on failure; out-parameters stay
 * untouched then. Never holds a secret.
 */
#ifndef SIXXSD_BASE_WHY_H
#define SIXXSD_BASE_WHY_H

#include "base/def.h"

struct why {
	int	code;		/* CLI code of the failure: 400, 404, 406, 500; 0: 400 */
	char	text[480];
};

#endif
