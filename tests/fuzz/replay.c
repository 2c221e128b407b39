/* Runs a fuzz target over files and directories of files: its corpus, without libFuzzer. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static unsigned int replayed;

static void replay_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	uint8_t *bytes = malloc(INPUT_MAX), *exact;
	size_t len;

	if (!in || !bytes) {
		perror(path);
		exit(1);
	}
	len = fread(bytes, 1, INPUT_MAX, in);
	fclose(in);

	exact = malloc(len ? len : 1);	/* so that a sanitizer sees a read beyond the end */
	if (!exact)
		exit(1);
	memcpy(exact, bytes, len);
	(void)LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	free(bytes);
	replayed++;
}

static void replay_directory(const char *path)
{
	DIR *d = opendir(path);

	if (!d) {
		perror(path);
		exit(1);
	}
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		replay_file(name);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat s;

		if (stat(argv[i], &s)) {
			perror(argv[i]);
			return 1;
		}
		if (S_ISDIR(s.st_mode))
			replay_directory(argv[i]);
		else
			replay_file(argv[i]);
	}
	printf("%u inputs replayed\n", replayed);
	return replayed == 0;	/* an empty corpus proves nothing */
}
