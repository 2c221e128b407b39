#include "table/errname.h"

const char *const errname_text[ERR_COUNT] = {
#define ERRNAME(symbol, text, summed) [ERR_##symbol] = text,
#include "table/errname.def"
#undef ERRNAME
};

const unsigned char errname_summed[ERR_COUNT] = {
#define ERRNAME(symbol, text, summed) [ERR_##symbol] = summed,
#include "table/errname.def"
#undef ERRNAME
};
