/*
 * src/table/note.h - what a packet's trace may say; the words are in note.def
 */
#ifndef SIXXSD_TABLE_NOTE_H
#define SIXXSD_TABLE_NOTE_H

enum note_kind {
#define NOTE(symbol, text) NOTE_##symbol,
#include "table/note.def"
#undef NOTE
	NOTE_COUNT,
};

#endif
