/* saveconfig: what it writes loads to the same state, and the old file is never half gone. */
#include <errno.h>

#include "ctl.h"

static const char exact[] =
	"# SixXS PoP dump stored by SixXSd\n\n"
	"pop\n\tset\n\t\tdetails 1 chtst01 192.0.2.42 2001:db8::42\n\t\tid 1\n\tend\n\n"
	"\ttunnelprefix add 2001:db8:2ff::/48\n\n"
	"\tsubnetprefix\n\t\tadd 2001:db8:3000::/40\n\tend\n\n"
	"\tcliacl\n\t\tadd ::1\n\t\tadd 127.0.0.1\n\tend\nend\n\n"
	"tunnel\n\tset\n\t\tconfig 0 T4141 198.51.100.1 up 1480\n"
	"\t\tconfig 1 T5072 dynamic up 1428 0123456789abcdef0123456789abcdef\n\tend\nend\n\n"
	"subnet\n\tset\n\t\tconfig 2001:db8:3001::/48 1 static\n\tend\nend\n";

static void the_layout_of_old(struct world *w)
{
	struct why why;
	struct stat st;

	ok(load(w, exact, &why) == 0, "a file of the historic daemon loads");
	unlink(w->file);
	umask(0);
	answers(w, "pop saveconfig", "200 Configuration stored to disk\n");
	ok(!strcmp(read_file(w->file), exact), "and is written as it was");
	ok(stat(w->file, &st) == 0 && (st.st_mode & 07777) == 0600, "with mode 0600, whatever the umask");
	chmod(w->file, 0644);
	ok(control_save(&w->control, w->file, &why) == 0 && stat(w->file, &st) == 0 &&
	   (st.st_mode & 07777) == 0600, "also over a file that was readable");
}

static void comments_at_the_head_are_kept(struct world *w)
{
	static const struct { const char *head, *kept; } row[] = {
		{ "", "" },
		{ "# SixXS PoP dump stored by SixXSd\n", "" },
		{ "# SixXS PoP dump stored by SixXSd\n# mine\n", "# mine\n" },
		{ "# mine\n  # indented\n// other\n\n# after a gap\n\n\n",
		  "# mine\n  # indented\n// other\n\n# after a gap\n" },
		{ "\n\n# late\n", "\n\n# late\n" },
		{ "# mine\r\n", "# mine\n" },
		{ "pop set id 1\n# not at the head\n", "" },
	};
	char text[8192], expected[8192];
	struct why why;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		snprintf(text, sizeof(text), "%s%s", row[i].head, strstr(exact, "pop\n"));
		snprintf(expected, sizeof(expected), "# SixXS PoP dump stored by SixXSd\n%s\n%s",
			 row[i].kept, strstr(exact, "pop\n"));
		load(w, text, &why);
		control_save(&w->control, w->file, &why);
		ok(!strcmp(read_file(w->file), expected), "head %zu", i);
		control_save(&w->control, w->file, &why);
		ok(!strcmp(read_file(w->file), expected), "and the same after a second time");
	}
}

static void failures_leave_the_old_file(struct world *w)
{
	char path[128], inside[160];
	struct why why;

	write_file(w->file, "# precious\n");
	snprintf(path, sizeof(path), "%s.new", w->file);
	mkdir(path, 0700);
	snprintf(inside, sizeof(inside), "%s/x", path);
	write_file(inside, "x");
	ok(control_save(&w->control, w->file, &why) == -EIO && why.code == 406, "%s", why.text);
	ok(!strcmp(read_file(w->file), "# precious\n"), "and the old file is there");
	unlink(inside);
	rmdir(path);
	ok(control_save(&w->control, "/nonexistent/x.conf", &why) == -EIO, "%s", why.text);

	/* of an attempt that was killed */
	write_file(path, "half a fi");
	ok(control_save(&w->control, w->file, &why) == 0 && access(path, F_OK) < 0 &&
	   !strncmp(strchr(read_file(w->file), '\n'), "\n# precious\n\npop\n", 17),
	   "what a killed attempt left is replaced");
	ok(symlink("/dev/null", path) == 0 && control_save(&w->control, w->file, &why) == 0 &&
	   strlen(read_file(w->file)) > 100, "nor is a link there followed");
}

/* Longer than any password, and every octet of it wants a backslash. */
static void the_longest_paths(struct world *w)
{
	char saved[4096], line[2048], path[HTTP_FILE_MAX] = "/", quoted[2 * HTTP_FILE_MAX] = "/";
	struct http_conf h;
	struct why why;

	for (size_t i = 1; i < HTTP_FILE_MAX - 1; i++) {
		strcat(path, i % 2 ? "\"" : "\\");
		strcat(quoted, i % 2 ? "\\\"" : "\\\\");
	}
	snprintf(line, sizeof(line), "pop set http 127.0.0.1 42080 %s %s\n", quoted, quoted);
	ok(load(w, line, &why) == 0, "a certificate's name of %zu octets loads", strlen(path));
	ok(control_save(&w->control, w->file, &why) == 0, "it is saved");
	strcpy(saved, read_file(w->file));
	ok(load(w, "pop set id 1\n", &why) == 0 && load(w, saved, &why) == 0, "what was saved loads");
	h = running(w)->head->http;
	ok(!strcmp(h.certificate, path) && !strcmp(h.key, path), "and loads to the same");
}

/* ---- random configurations ---- */

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand() % n;
}

static void random_password(struct control *c, struct tunnel_args *a)
{
	static char password[PASSWORD_MAX];
	static const char hard[] = "\"\\ \t\n\a#/'";

	a->password = NULL;
	if (below(4) == 0)
		return;
	a->password_len = 1 + below(PASSWORD_MAX);
	for (size_t i = 0; i < a->password_len; i++)
		password[i] = below(3) ? (char)(1 + below(255)) : hard[below(sizeof(hard) - 1)];
	a->password = password;
	a->digest = c->digest;
}

static void random_tunnel(struct control *c, struct config *cf, unsigned int *refused)
{
	struct tunnel_args a = {
		.tid = (uint16_t)below(cf->limits.tunnels), .id = below(100),
		.kind = (enum tunnel_kind)(KIND_STATIC + below(4)), .disabled = below(4) == 0,
		.mtu_bytes = (uint16_t)(MTU_MIN_BYTES + below(201)),
		.them = below(2) ? addr_from_ip4(UINT32_C(0xc6336400) + below(256)) :
				   addr_from_parts(UINT64_C(0x20010db8cafe0000), 1 + below(9999)),
	};
	struct changes *ch = &c->changes;
	struct why why;

	random_password(c, &a);
	if (edit_tunnel(cf, ch, &a, &why) < 0) {
		++*refused;
		return;
	}
	if (below(3) == 0)
		edit_encap(cf, ch, a.tid, ENCAP_GRE, below(2), (uint32_t)rand(), &why);
	if (below(3) == 0)
		edit_hash(cf, ch, a.tid, HASH_SHA256, &why);
	if (below(3) == 0)
		edit_rate(cf, ch, a.tid, below(1000), below(1000), &why);
	if (below(3) == 0)
		edit_mss(cf, ch, a.tid, true, &why);
	if (below(3) == 0)
		edit_debug(cf, ch, a.tid, true, &why);
	if (below(3) == 0 && conf_is_dynamic(&cf->tunnel[a.tid]))
		edit_remote(cf, ch, a.tid, &a.them, &why);
	if (below(8) == 0)
		edit_tunnel_remove(cf, ch, a.tid, &why);
}

static void random_pop(struct control *c, struct config *cf)
{
	struct changes *ch = &c->changes;
	struct ip6_addr v4, v6, none = { { 0 } };
	char name[POP_NAME_MAX + 1];
	struct why why;

	for (unsigned int i = below(5); i > 0; i--) {
		unsigned int len = 1 + below(POP_NAME_MAX);

		for (unsigned int k = 0; k < len; k++)
			name[k] = (char)('!' + below(94));
		name[len] = '\0';
		v4 = addr_from_ip4(UINT32_C(0xc0000200) + below(256));
		v6 = addr_from_parts(UINT64_C(0x20010db800000000), 1 + below(1000));
		edit_pop(cf, ch, below(POPS_MAX), name, below(4) ? &v4 : &none,
			 below(4) ? &v6 : &none, &why);
	}
	edit_pop_id(cf, ch, below(POPS_MAX), &why);
	if (below(2))
		edit_local(cf, ch, &v4, 1, &why);
	if (below(2))
		edit_latency(cf, ch, below(3601), &why);
	edit_reserved(cf, ch, below(2));
	edit_offload(cf, ch, below(2));
	if (below(2))
		edit_verbosity(cf, ch, below(42), &why);
	if (below(3) == 0)
		edit_acl_reset(cf, ch, NULL);
	for (unsigned int i = below(6); i > 0; i--) {
		unsigned int bits = below(33);
		struct prefix p = { .len = (uint8_t)(96 + bits) };

		p.addr = addr_from_ip4((uint32_t)rand());
		p.addr = addr_masked(&p.addr, p.len);
		edit_acl_add(cf, ch, &p, &why);
	}
}

static void random_plan(struct control *c, struct config *cf)
{
	struct prefix p = { .len = (uint8_t)(TUNNEL_PREFIX_LEN_MIN + below(13)) };
	struct changes *ch = &c->changes;
	struct why why;

	p.addr = addr_from_parts(UINT64_C(0x20010db802ff0000), 0);
	if (below(8))
		edit_tunnel_prefix(cf, ch, &p, &why);
	for (unsigned int i = below(8); i > 0; i--) {
		p.len = (uint8_t)(32 + below(30));
		p.addr = addr_from_parts(UINT64_C(0x3fff000000000000) + ((uint64_t)below(64) << 42), 0);
		p.addr = addr_masked(&p.addr, p.len);
		edit_subnet_prefix(cf, ch, &p, p.len + 1 + below(8), &why);
	}
}

static void random_subnets(struct control *c, struct config *cf)
{
	const struct plan *plan = config_plan(cf);
	struct why why;

	for (unsigned int i = 0; i < plan->subnet_prefixes; i++) {
		const struct subnet_prefix *s = &plan->subnet[i];

		for (unsigned int k = 0; k < 60; k++) {
			struct prefix p = plan_subnet(s, below(subnet_prefix_count(s)));

			edit_subnet(cf, &c->changes, &p, (uint16_t)below(cf->limits.tunnels), &why);
		}
	}
}

static void round_trips(void)
{
	const struct limits small = { 200, 20000, 200 };
	unsigned int seed = 20261123, bad = 0, refused = 0, tunnels = 0, subnets = 0;

	printf("# seed %u\n", seed);
	srand(seed);
	for (unsigned int round = 0; round < 60; round++) {
		struct world *w = world_new(small), *other = world_new(small);
		struct config *cf;
		struct why why;
		bool same;

		load(w, "pop set limits tunnels 200 subnets 20000\n", &why);
		cf = control_begin(&w->control, &why);
		random_pop(&w->control, cf);
		random_plan(&w->control, cf);
		for (unsigned int i = below(100); i > 0; i--)
			random_tunnel(&w->control, cf, &refused);
		random_subnets(&w->control, cf);
		same = control_commit(&w->control, &why) == 0 &&
		       control_save(&w->control, w->file, &why) == 0 &&
		       control_load(&other->control, w->file, world_problem, other, &why) == 0 &&
		       config_equal(running(w), running(other));
		if (!same) {
			printf("# round %u: %s\n# %s\n", round, why.text, other->problems);
			bad++;
		}
		tunnels += running(other)->head->tunnels;
		for (uint32_t i = 0; i < small.subnets; i++)
			subnets += running(other)->subnet[i] != TID_NONE;
		/* the running one takes its own file without noticing */
		uint64_t published = w->region.head->published;

		bad += control_load(&w->control, w->file, NULL, NULL, &why) < 0 ||
		       w->region.head->published != published;
		world_end(w);
		world_end(other);
	}
	ok(bad == 0 && tunnels > 500 && subnets > 500,
	   "60 random configurations load to what was saved: %u tunnels, %u subnets, %u refused",
	   tunnels, subnets, refused);
}

int main(void)
{
	struct world *w = world_new(limits_default);

	the_layout_of_old(w);
	comments_at_the_head_are_kept(w);
	failures_leave_the_old_file(w);
	the_longest_paths(w);
	world_end(w);
	round_trips();
	return tap_done();
}
