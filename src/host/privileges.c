#include "host/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "host/host.h"

int privileges_user(struct runtime_user *u, struct why *why)
{
	const struct passwd *pw = getpwnam(PRIVILEGES_USER);
	const struct group *gr;

	if (!pw)
		pw = getpwnam(PRIVILEGES_FALLBACK);
	if (!pw)
		return why_say(why, -ENOENT, "there is neither a user " PRIVILEGES_USER " nor a "
			       "user " PRIVILEGES_FALLBACK " to run as: create the first "
			       "(adduser --system --group " PRIVILEGES_USER ")");
	*u = (struct runtime_user){ .uid = pw->pw_uid, .gid = pw->pw_gid };
	snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
	gr = getgrnam(PRIVILEGES_USER);
	u->socket_gid = gr ? gr->gr_gid : u->gid;
	return 0;
}

static int keep(bool admin, bool setpcap)
{
	unsigned int which = CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET;

	capng_clear(CAPNG_SELECT_ALL);
	if (admin && capng_update(CAPNG_ADD, which, CAP_NET_ADMIN) < 0)
		return -1;
	if (setpcap && capng_update(CAPNG_ADD, which, CAP_SETPCAP) < 0)
		return -1;
	return 0;
}

/* The bounding set can be lowered only by who has CAP_SETPCAP; without it there is nothing
 * to gain from it either, because of no_new_privs. */
static int apply(bool bounds)
{
	if (bounds && capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return -1;
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ||
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -1 : 0;
}

static bool may_set_bounds(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
}

int privileges_drop(const struct runtime_user *u, struct why *why)
{
	bool root = geteuid() == 0;
	bool bounds = may_set_bounds();
	int bad;

	errno = 0;
	bad = keep(true, bounds);
	if (!bad && bounds)
		bad = capng_apply(CAPNG_SELECT_BOUNDS);
	if (!bad && root)
		bad = capng_change_id((int)u->uid, (int)u->gid, CAPNG_DROP_SUPP_GRP);
	if (!bad)
		bad = apply(false);
	if (!bad)
		bad = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (bad)
		return why_say(why, errno ? -errno : -EPERM, "cannot become user %s with "
			       "CAP_NET_ADMIN alone: %s", u->name,
			       strerror(errno ? errno : EPERM));
	return 0;
}

int privileges_thread(void)
{
	bool bounds = may_set_bounds();

	errno = 0;
	if (keep(false, false) < 0 || apply(bounds) < 0)
		return errno ? -errno : -EPERM;
	return 0;
}

int privileges_settle(struct why *why)
{
	bool bounds = may_set_bounds();

	errno = 0;
	if (keep(true, false) < 0 || apply(bounds) < 0)
		return why_say(why, errno ? -errno : -EPERM, "cannot give up CAP_SETPCAP: %s",
			       strerror(errno ? errno : EPERM));
	return 0;
}
