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

int privileges_enough(struct why *why)
{
	if (capng_get_caps_process() < 0)
		return 0;	/* nothing known: what needs them will say so */
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
		return why_say(why, -EPERM, "the capability CAP_NET_ADMIN is missing (needed for "
			       "the device " HOST_DEVICE "): start sixxsd as root");
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW))
		return why_say(why, -EPERM, "the capability CAP_NET_RAW is missing (needed for "
			       "protocol 41 and GRE): start sixxsd as root");
	return 0;
}

static int keep(bool admin, bool setpcap)
{
	unsigned int which = CAPNG_EFFECTIVE | CAPNG_PERMITTED;

	capng_clear(CAPNG_SELECT_ALL);
	if (admin && capng_update(CAPNG_ADD, which, CAP_NET_ADMIN) < 0)
		return -1;
	if (setpcap && capng_update(CAPNG_ADD, which, CAP_SETPCAP) < 0)
		return -1;
	return 0;
}

/*
 * The calling thread's bounding set. Who has no CAP_SETPCAP may not lower it, and need
 * not: with no_new_privs nothing can be gained through it.
 */
static int bound(bool admin)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (admin && cap == CAP_NET_ADMIN)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EPERM ? 0 : -1;
	}
	return 0;
}

static int apply(void)
{
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ||
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -1 : 0;
}

static bool has_setpcap(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_PERMITTED, CAP_SETPCAP);
}

/* Permitted capabilities survive the change of user; apply() then cuts them down. */
static int become(const struct runtime_user *u)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0)
		return -1;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

int privileges_drop(const struct runtime_user *u, struct why *why)
{
	bool setpcap = has_setpcap();
	int bad;

	errno = 0;
	bad = keep(true, setpcap);
	if (!bad && geteuid() == 0)
		bad = become(u);
	if (!bad)
		bad = apply();
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
	errno = 0;
	if (bound(false) < 0 || keep(false, false) < 0 || apply() < 0)
		return errno ? -errno : -EPERM;
	return 0;
}

int privileges_settle(struct why *why)
{
	errno = 0;
	if (bound(true) < 0 || keep(true, false) < 0 || apply() < 0)
		return why_say(why, errno ? -errno : -EPERM, "cannot give up CAP_SETPCAP: %s",
			       strerror(errno ? errno : EPERM));
	return 0;
}
