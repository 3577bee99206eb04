/* SPDX-License-Identifier: GPL-2.0 */
/* The table l7_rpc: one row is a link and what happened on it in an interval. */
#ifndef L7RPC_COLUMNS_H
#define L7RPC_COLUMNS_H

#include "../../libcommon/hist.h"
#include "../../libcommon/table.h"

struct rpc_row {
	const struct conn_info *conn; /* first: see conn_columns.h */
	uint64_t requests;
	uint64_t responses;  /* of them, answered */
	uint64_t errors;     /* of them, failed */
	uint64_t unanswered; /* of them, no response came although one was due */
	struct hist latency; /* ns; of those that were seen whole */
	double seconds;      /* over which all this was counted */
};

extern const struct table_spec rpc_table;

/* Those columns of rpc_table that are numbers about requests; their getters do not look at conn. */
extern const struct table_spec rpc_numbers;

#endif
