/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs a parser over vector files (tests/vectors/PROTOCOL/NAME). A vector is text, one item a line:
 *
 *	# comment               also: empty lines
 *	> bytes                 towards the server   | escapes: \r \n \t \0 \\ \xHH, and \{N:c}: N
 *	< bytes                 towards the client   | times c (c a byte or an escape)
 *	!                       the connection is closed in order: both ways end
 *	!> or !<                only that way ends in order
 *	= method|path|code|status|body
 *	                        the next expected row, in the order of the requests. Same escapes
 *	                        and \| for a bar. An empty field: not known, or empty
 *	x> or x<                that way must fail with -EPROTO (else it must not)
 *	~ option...             of the whole vector; options below
 *
 * Traffic reaches the parser in the order of the lines. Lines that follow each other in one way are
 * one delivery. Status is a list of words, separated by a space:
 *
 *	ok error                by UNIT_ERROR; the response came to its end
 *	partial                 the response began and did not end
 *	none                    no response began
 *	oneway                  UNIT_ONEWAY
 * and after one of these: tunnel secret-path secret-body reqcut (the request did not end)
 *
 * Options: `body N` bytes of body that are wanted (256 by default); `alone`: responses without a
 * request make rows too (method and path empty); without it such a response fails the test;
 * `cuts`: the status tells with `bodycut` where there was more body than was wanted or was seen
 * (such a vector does not run with no body wanted, in which every body is cut).
 *
 * Every vector runs whole, split at each byte, byte by byte, in a buffer that ends at a guard page,
 * all with the same rows; and cut short at each byte, where nothing may be invented: a method or
 * a code that shows must be one that the whole run had in the same row.
 */
#ifndef PARSER_RUN_H
#define PARSER_RUN_H

#include "../../protocols/proto.h"

/* Runs one vector through p. Fails the criterion test it is called from where a rule is broken. */
void parser_run_file(const struct proto *p, const char *path);

/* Runs every file of a directory (path from the repository's root), and fails where there is none.
 */
void parser_run_dir(const struct proto *p, const char *dir);

/* An input over bytes of the caller's; nothing set but way, data and len. */
struct proto_input parser_input(enum proto_way way, const void *data, size_t len);

/* The same, over a string literal. */
#define PARSER_INPUT(way, literal) parser_input(way, literal, sizeof(literal) - 1)

/* One call of next() on a fresh unit with the given input; text[] is shared by all units. */
int64_t parser_next(const struct proto *p, void *state, const struct proto_input *in,
		    struct proto_unit *unit);

#endif
