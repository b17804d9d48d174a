-- Actions of agents as text, and patterns in sequences of them.
CREATE FUNCTION ruvector.action_keys(actions text[]) RETURNS text[]
	AS 'MODULE_PATHNAME', 'ruvector_action_keys'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.action_keys(text[]) IS
	'what kind of step each action is: the name of a call name(value, key=value) or name[value] or of a JSON object {"action": name, ...}; of other text its template, in which words with digits, quoted words and words that differ between similar actions are <*> (Drain, He et al. 2017). Templates depend on the whole array';

CREATE FUNCTION ruvector.action_names(actions text[]) RETURNS text[]
	AS 'MODULE_PATHNAME', 'ruvector_action_names'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.action_names(text[]) IS
	'the names of the actions, sorted, each once: the name of a call or a JSON object, the first word of other text';

CREATE FUNCTION ruvector.mine_sequences(
		sequence_ids bigint[], items text[], min_support int DEFAULT 3, max_gap int DEFAULT 0,
		min_length int DEFAULT 2, max_length int DEFAULT 12, closed boolean DEFAULT true, max_patterns int DEFAULT 100000,
		OUT pattern text[], OUT support bigint, OUT found_in bigint[])
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ruvector_mine_sequences'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100 COST 10000;
COMMENT ON FUNCTION ruvector.mine_sequences(bigint[], text[], int, int, int, int, boolean, int) IS
	'frequent subsequences (PrefixSpan, Pei et al. 2001). Element i of both arrays is one step: its sequence and its item, steps in order. support counts sequences; max_gap steps may lie between two neighbours (-1: any number); closed leaves out a pattern that is part of a longer one in the very same sequences. More than max_patterns frequent patterns: error 54000';

CREATE FUNCTION ruvector._mine_actions(
		episode_ids bigint[], actions text[], observations text[], successes boolean[], min_support int, max_gap int,
		min_length int, max_length int, max_patterns int,
		OUT pattern text[], OUT succeeded bigint[], OUT failed bigint[], OUT steps text, OUT parameters text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ruvector_mine_actions'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100 COST 10000;
COMMENT ON FUNCTION ruvector._mine_actions(bigint[], text[], text[], boolean[], int, int, int, int, int) IS
	'closed frequent sequences of action keys among the successful episodes, the failed episodes that have them, and the parameterised script (JSON texts)';
