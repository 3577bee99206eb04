/* SPDX-License-Identifier: GPL-2.0 */
/* Which connections and which requests are wanted, as the options say. */
#ifndef L7_FILTER_H
#define L7_FILTER_H

#include <stdbool.h>

#include "options.h"
#include "record.h"

/* FILTER_NO is 0: as a condition, the verdict says "wanted, or it still could be". */
enum filter_verdict {
	FILTER_NO = 0,
	FILTER_MAYBE = 1, /* what decides (role, protocol) is not known yet: ask again then */
	FILTER_YES = 2,
};

/* Is the connection wanted? FILTER_NO and FILTER_YES are final as long as *c only gains knowledge.
 */
enum filter_verdict filter_conn(const struct conn_filter *f, const struct conn_info *c);

/* Is the finished request wanted? What is not known (a code, a latency) matches no filter on it. */
bool filter_record(const struct record_filter *f, const struct record *r);

/* Is the address within the block? Bits of the block's address below its prefix do not matter. */
bool cidr_contains(const struct cidr *net, const struct l7_ip *ip);

#endif
