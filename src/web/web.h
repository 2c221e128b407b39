/*
 * src/web/web.h - the web process: HTTP, metrics, the page
 *
 * Started by the daemon (web/keeper.h), a process of its own: it maps the state region
 * read-only, holds no secret and no capability, and asks control whose a token is. A live decision
 * view is a session of control's, handed over, that takes no commands. One thread, one
 * event loop; libevent and OpenSSL draw from an arena that never grows, and when that is empty
 * a connection is closed.
 */
#ifndef SIXXSD_WEB_WEB_H
#define SIXXSD_WEB_WEB_H

/* `sixxsd --web <descriptor>`. Return: exit status */
int web_main(const char *descriptor);

#endif
