// pg/boundary.cpp - see the door.
#include "ruvector/pg/boundary.hpp"

namespace ruvector::pg {

int sqlstate_of(ErrorKind kind) noexcept {
	switch (kind) {
	case ErrorKind::invalid_argument:
		return ERRCODE_INVALID_PARAMETER_VALUE;
	case ErrorKind::data_exception:
		return ERRCODE_DATA_EXCEPTION;
	case ErrorKind::out_of_range:
		return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
	case ErrorKind::limit_exceeded:
		return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
	case ErrorKind::canceled:
		return ERRCODE_QUERY_CANCELED;
	case ErrorKind::internal:
		break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

void save(ErrorBuffer &buffer, int sqlstate, const char *message) noexcept {
	buffer.sqlstate = sqlstate;
	strlcpy(buffer.message, message, sizeof(buffer.message));
	buffer.detail[0] = '\0';
	buffer.hint[0] = '\0';
}

void take_error(ErrorBuffer &buffer, MemoryContext context) noexcept {
	MemoryContextSwitchTo(context);
	ErrorData *data = CopyErrorData();
	FlushErrorState();
	save(buffer, data->sqlerrcode, data->message ? data->message : "unknown error");
	if (data->detail)
		strlcpy(buffer.detail, data->detail, sizeof(buffer.detail));
	if (data->hint)
		strlcpy(buffer.hint, data->hint, sizeof(buffer.hint));
	FreeErrorData(data);
}

void raise(const ErrorBuffer &buffer) {
	ereport(ERROR,
			(errcode(buffer.sqlstate), errmsg("%s", buffer.message),
			 buffer.detail[0] ? errdetail("%s", buffer.detail) : 0, buffer.hint[0] ? errhint("%s", buffer.hint) : 0));
	pg_unreachable();
}

} // namespace ruvector::pg
