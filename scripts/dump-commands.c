/*
 * scripts/dump-commands.c - the command table as text, for the manual and its check
 *
 * One command a line: path, synopsis and help, separated by tabs.
 */
#include <stdio.h>

#include "ctl/control.h"

static void print(void *context, const char *path, const char *synopsis, const char *help)
{
	(void)context;
	printf("%s\t%s\t%s\n", path, synopsis, help);
}

int main(void)
{
	control_dump_commands(&control_root, print, NULL);
	return 0;
}
