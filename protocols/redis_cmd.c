// SPDX-License-Identifier: GPL-2.0
/* The commands: which exist, where their key stands, and which change how the rest is read. */
#include "redis_priv.h"

/* The longest name below is GEORADIUSBYMEMBER_RO. */
#define NAME_MAX_KNOWN 20

/* An ordinary command: its first argument is its key. */
#define P(command)                                                                                 \
	{                                                                                          \
		.name = command, .path = 1                                                         \
	}

/* Sorted by name (ASCII), for the search. */
/* clang-format off */
static const struct redis_cmd cmds[] = {
	{.name = "ACL", .path = 2, .flags = CMD_SUBS | CMD_SECRET_BODY},
	P("APPEND"), P("ASKING"),
	{.name = "AUTH", .path = 1, .flags = CMD_SECRET_PATH | CMD_SECRET_BODY},
	P("BGREWRITEAOF"), P("BGSAVE"), P("BITCOUNT"), P("BITFIELD"), P("BITFIELD_RO"),
	{.name = "BITOP", .path = 2},
	P("BITPOS"), P("BLMOVE"),
	{.name = "BLMPOP", .path = 2, .flags = CMD_NUMKEYS},
	P("BLPOP"), P("BRPOP"), P("BRPOPLPUSH"),
	{.name = "BZMPOP", .path = 2, .flags = CMD_NUMKEYS},
	P("BZPOPMAX"), P("BZPOPMIN"),
	{.name = "CLIENT", .path = 2, .flags = CMD_SUBS},
	{.name = "CLUSTER", .path = 2, .flags = CMD_SUBS},
	{.name = "COMMAND", .path = 2, .flags = CMD_SUBS},
	{.name = "COMMANDLOG", .path = 2, .flags = CMD_SUBS},
	{.name = "CONFIG", .path = 2, .flags = CMD_SUBS},
	P("COPY"), P("DBSIZE"),
	{.name = "DEBUG", .path = 2, .flags = CMD_SUBS},
	P("DECR"), P("DECRBY"), P("DEL"), P("DELEX"), P("DIGEST"),
	{.name = "DISCARD", .path = 1, .act = ACT_DISCARD},
	P("DUMP"), P("ECHO"),
	{.name = "EVAL", .path = 2, .flags = CMD_NUMKEYS},
	{.name = "EVALSHA", .path = 2, .flags = CMD_NUMKEYS},
	{.name = "EVALSHA_RO", .path = 2, .flags = CMD_NUMKEYS},
	{.name = "EVAL_RO", .path = 2, .flags = CMD_NUMKEYS},
	{.name = "EXEC", .path = 1, .act = ACT_EXEC},
	P("EXISTS"), P("EXPIRE"), P("EXPIREAT"), P("EXPIRETIME"), P("FAILOVER"),
	{.name = "FCALL", .path = 2, .flags = CMD_NUMKEYS},
	{.name = "FCALL_RO", .path = 2, .flags = CMD_NUMKEYS},
	P("FLUSHALL"), P("FLUSHDB"),
	{.name = "FUNCTION", .path = 2, .flags = CMD_SUBS},
	P("GEOADD"), P("GEODIST"), P("GEOHASH"), P("GEOPOS"), P("GEORADIUS"),
	P("GEORADIUSBYMEMBER"), P("GEORADIUSBYMEMBER_RO"), P("GEORADIUS_RO"), P("GEOSEARCH"),
	P("GEOSEARCHSTORE"), P("GET"), P("GETBIT"), P("GETDEL"), P("GETEX"), P("GETRANGE"),
	P("GETSET"), P("HDEL"),
	{.name = "HELLO", .path = 1, .act = ACT_HELLO},
	P("HEXISTS"), P("HEXPIRE"), P("HEXPIREAT"), P("HEXPIRETIME"), P("HGET"), P("HGETALL"),
	P("HGETDEL"), P("HGETEX"), P("HINCRBY"), P("HINCRBYFLOAT"), P("HKEYS"), P("HLEN"),
	P("HMGET"), P("HMSET"), P("HPERSIST"), P("HPEXPIRE"), P("HPEXPIREAT"), P("HPEXPIRETIME"),
	P("HPTTL"), P("HRANDFIELD"), P("HSCAN"), P("HSET"), P("HSETEX"), P("HSETNX"),
	P("HSTRLEN"), P("HTTL"), P("HVALS"), P("INCR"), P("INCRBY"), P("INCRBYFLOAT"), P("INFO"),
	P("KEYS"), P("LASTSAVE"),
	{.name = "LATENCY", .path = 2, .flags = CMD_SUBS},
	P("LCS"), P("LINDEX"), P("LINSERT"), P("LLEN"), P("LMOVE"),
	{.name = "LMPOP", .path = 1, .flags = CMD_NUMKEYS},
	P("LOLWUT"), P("LPOP"), P("LPOS"), P("LPUSH"), P("LPUSHX"), P("LRANGE"), P("LREM"),
	P("LSET"), P("LTRIM"),
	{.name = "MEMORY", .path = 2, .flags = CMD_SUBS},
	P("MGET"),
	{.name = "MIGRATE", .path = 3, .flags = CMD_SECRET_ERROR},
	{.name = "MODULE", .path = 2, .flags = CMD_SUBS},
	{.name = "MONITOR", .path = 1, .act = ACT_MONITOR},
	P("MOVE"), P("MSET"),
	{.name = "MSETEX", .path = 1, .flags = CMD_NUMKEYS},
	P("MSETNX"),
	{.name = "MULTI", .path = 1, .act = ACT_MULTI},
	{.name = "OBJECT", .path = 2, .flags = CMD_SUBS},
	P("PERSIST"), P("PEXPIRE"), P("PEXPIREAT"), P("PEXPIRETIME"), P("PFADD"), P("PFCOUNT"),
	P("PFDEBUG"), P("PFMERGE"), P("PFSELFTEST"), P("PING"), P("PSETEX"),
	{.name = "PSUBSCRIBE", .path = 1, .act = ACT_CONFIRM, .word = WORD_PSUBSCRIBE},
	{.name = "PSYNC", .path = 1, .act = ACT_SYNC},
	P("PTTL"), P("PUBLISH"),
	{.name = "PUBSUB", .path = 2, .flags = CMD_SUBS},
	{.name = "PUNSUBSCRIBE", .path = 1, .act = ACT_CONFIRM, .word = WORD_PUNSUBSCRIBE},
	P("QUIT"), P("RANDOMKEY"), P("READONLY"), P("READWRITE"), P("RENAME"), P("RENAMENX"),
	P("REPLCONF"), P("REPLICAOF"),
	{.name = "RESET", .path = 1, .act = ACT_RESET},
	P("RESTORE"), P("RESTORE-ASKING"), P("ROLE"), P("RPOP"), P("RPOPLPUSH"), P("RPUSH"),
	P("RPUSHX"), P("SADD"), P("SAVE"), P("SCAN"), P("SCARD"),
	{.name = "SCRIPT", .path = 2, .flags = CMD_SUBS},
	P("SDIFF"), P("SDIFFSTORE"), P("SELECT"),
	{.name = "SENTINEL", .path = 2, .flags = CMD_SUBS},
	P("SET"), P("SETBIT"), P("SETEX"), P("SETNX"), P("SETRANGE"), P("SHUTDOWN"), P("SINTER"),
	{.name = "SINTERCARD", .path = 1, .flags = CMD_NUMKEYS},
	P("SINTERSTORE"), P("SISMEMBER"), P("SLAVEOF"),
	{.name = "SLOWLOG", .path = 2, .flags = CMD_SUBS},
	P("SMEMBERS"), P("SMISMEMBER"), P("SMOVE"), P("SORT"), P("SORT_RO"), P("SPOP"),
	P("SPUBLISH"), P("SRANDMEMBER"), P("SREM"), P("SSCAN"),
	{.name = "SSUBSCRIBE", .path = 1, .act = ACT_CONFIRM, .word = WORD_SSUBSCRIBE},
	P("STRLEN"),
	{.name = "SUBSCRIBE", .path = 1, .act = ACT_CONFIRM, .word = WORD_SUBSCRIBE},
	P("SUBSTR"), P("SUNION"), P("SUNIONSTORE"),
	{.name = "SUNSUBSCRIBE", .path = 1, .act = ACT_CONFIRM, .word = WORD_SUNSUBSCRIBE},
	P("SWAPDB"),
	{.name = "SYNC", .path = 1, .act = ACT_SYNC},
	P("TIME"), P("TOUCH"), P("TTL"), P("TYPE"), P("UNLINK"),
	{.name = "UNSUBSCRIBE", .path = 1, .act = ACT_CONFIRM, .word = WORD_UNSUBSCRIBE},
	P("UNWATCH"), P("VADD"), P("VCARD"), P("VDIM"), P("VEMB"), P("VGETATTR"), P("VINFO"),
	P("VISMEMBER"), P("VLINKS"), P("VRANDMEMBER"), P("VREM"), P("VSETATTR"), P("VSIM"),
	P("WAIT"), P("WAITAOF"), P("WATCH"), P("XACK"), P("XACKDEL"), P("XADD"), P("XAUTOCLAIM"),
	P("XCLAIM"), P("XDEL"), P("XDELEX"),
	{.name = "XGROUP", .path = 2, .flags = CMD_SUBS},
	{.name = "XINFO", .path = 2, .flags = CMD_SUBS},
	P("XLEN"), P("XPENDING"), P("XRANGE"),
	{.name = "XREAD", .path = 1, .flags = CMD_STREAMS},
	{.name = "XREADGROUP", .path = 1, .flags = CMD_STREAMS},
	P("XREVRANGE"), P("XSETID"), P("XTRIM"), P("ZADD"), P("ZCARD"), P("ZCOUNT"),
	{.name = "ZDIFF", .path = 1, .flags = CMD_NUMKEYS},
	P("ZDIFFSTORE"), P("ZINCRBY"),
	{.name = "ZINTER", .path = 1, .flags = CMD_NUMKEYS},
	{.name = "ZINTERCARD", .path = 1, .flags = CMD_NUMKEYS},
	P("ZINTERSTORE"), P("ZLEXCOUNT"),
	{.name = "ZMPOP", .path = 1, .flags = CMD_NUMKEYS},
	P("ZMSCORE"), P("ZPOPMAX"), P("ZPOPMIN"), P("ZRANDMEMBER"), P("ZRANGE"),
	P("ZRANGEBYLEX"), P("ZRANGEBYSCORE"), P("ZRANGESTORE"), P("ZRANK"), P("ZREM"),
	P("ZREMRANGEBYLEX"), P("ZREMRANGEBYRANK"), P("ZREMRANGEBYSCORE"), P("ZREVRANGE"),
	P("ZREVRANGEBYLEX"), P("ZREVRANGEBYSCORE"), P("ZREVRANK"), P("ZSCAN"), P("ZSCORE"),
	{.name = "ZUNION", .path = 1, .flags = CMD_NUMKEYS},
	P("ZUNIONSTORE"),
};
/* clang-format on */

/*
 * Subcommands that differ from their command: they hold credentials in their reply (or, ACL, do
 * not), carry a program where others have a key, or silence what follows.
 */
static const struct redis_cmd subs[] = {
	{.name = "ACL CAT", .path = 2, .flags = CMD_OPEN_BODY},
	{.name = "ACL HELP", .path = 2, .flags = CMD_OPEN_BODY},
	{.name = "ACL USERS", .path = 2, .flags = CMD_OPEN_BODY},
	{.name = "ACL WHOAMI", .path = 2, .flags = CMD_OPEN_BODY},
	{.name = "CLIENT REPLY", .path = 2, .act = ACT_REPLY},
	{.name = "COMMANDLOG GET", .path = 2, .flags = CMD_SECRET_BODY},
	{.name = "CONFIG GET", .path = 2, .flags = CMD_SECRET_BODY},
	{.name = "CONFIG SET", .path = 2, .flags = CMD_SECRET_BODY},
	{.name = "FUNCTION LOAD", .path = 0},
	{.name = "FUNCTION RESTORE", .path = 0},
	{.name = "SCRIPT LOAD", .path = 0},
	{.name = "SENTINEL CONFIG", .path = 2, .flags = CMD_SECRET_BODY},
	{.name = "SENTINEL SET", .path = 2, .flags = CMD_SECRET_BODY},
	{.name = "SLOWLOG GET", .path = 2, .flags = CMD_SECRET_BODY},
};

/* Both NUL-terminated; like strcmp, and inline since names differ early. */
static int compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

const struct redis_cmd *redis_cmd_find(struct slice name)
{
	size_t lo = 0, hi = sizeof(cmds) / sizeof(cmds[0]);
	char upper[NAME_MAX_KNOWN + 1];

	if (!name.len || name.len > NAME_MAX_KNOWN)
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		upper[i] = ascii_upper(name.p[i]);
	upper[name.len] = '\0';
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = compare(upper, cmds[mid].name);

		if (!c)
			return &cmds[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const struct redis_cmd *redis_cmd_at(size_t i)
{
	return i < sizeof(cmds) / sizeof(cmds[0]) ? &cmds[i] : NULL;
}

const struct redis_cmd *redis_sub_find(struct slice both)
{
	for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
		if (slice_is(both, subs[i].name))
			return &subs[i];
	}
	return NULL;
}

bool redis_name_ok(const char *p, size_t n)
{
	if (!n || ascii_upper(p[0]) < 'A' || ascii_upper(p[0]) > 'Z')
		return false;
	for (size_t i = 1; i < n; i++) {
		char c = ascii_upper(p[i]);

		if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		      c == '-'))
			return false;
	}
	return true;
}
