#include "table/verdict.h"

const struct verdict_info verdict_info[VERDICT_COUNT] = {
#define VERDICT(symbol, icmp, err, text) \
	[symbol] = { .name = #symbol, .sentence = text, .owed = OWED_##icmp, .error = ERR_##err },
#include "table/verdict.def"
#undef VERDICT
};
