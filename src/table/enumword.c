#include "table/enumword.h"

const char *word_kind(enum tunnel_kind kind)
{
	switch (kind) {
	case KIND_NONE:
		return "none";
	case KIND_STATIC:
		return "static";
	case KIND_AYIYA:
		return "ayiya";
	case KIND_HEARTBEAT:
		return "heartbeat";
	case KIND_DYNAMIC:
		return "dynamic";
	}
	return "?";
}

const char *word_encap(enum tunnel_encap encap)
{
	switch (encap) {
	case ENCAP_AUTO:
		return "auto";
	case ENCAP_DIRECT:
		return "direct";
	case ENCAP_GRE:
		return "gre";
	}
	return "?";
}

const char *word_hash(enum tunnel_hash hash)
{
	switch (hash) {
	case HASH_SHA1:
		return "sha1";
	case HASH_SHA256:
		return "sha256";
	}
	return "?";
}

const char *word_state(enum tunnel_state state)
{
	switch (state) {
	case STATE_NONE:
		return "none";
	case STATE_DISABLED:
		return "disabled";
	case STATE_DOWN:
		return "down";
	case STATE_UP:
		return "up";
	}
	return "?";
}

const char *word_type(enum tunnel_type type)
{
	switch (type) {
	case TYPE_NONE:
		return "none";
	case TYPE_DIRECT:
		return "direct";
	case TYPE_AYIYA:
		return "ayiya";
	case TYPE_GRE:
		return "gre";
	}
	return "?";
}
