// pg/boundary.hpp - where C++ exceptions and PostgreSQL errors meet; the only file that knows both.
//
// RV_FUNCTION(name) declares, exports and opens a function that SQL can call. Inside, C++ exceptions may be thrown:
// they become a PostgreSQL error after every destructor has run. PostgreSQL calls that can raise must not be made while
// an object with a destructor is alive; use pg_call() for those few cases.
#pragma once

#include <exception>
#include <new>
#include <utility>

#include "ruvector/error.hpp"
#include "ruvector/pg/postgres.hpp"

namespace ruvector::pg {

// Survives a longjmp: no destructor, no heap.
struct ErrorBuffer {
	int sqlstate;
	char message[512];
	char detail[256];
	char hint[256];
};

// A PostgreSQL error that travels as a C++ exception between pg_call() and guard(). Owns nothing.
struct PgError {
	ErrorBuffer error;
};

int sqlstate_of(ErrorKind kind) noexcept;
void save(ErrorBuffer &buffer, int sqlstate, const char *message) noexcept;
void take_error(ErrorBuffer &buffer, MemoryContext context) noexcept;
[[noreturn]] void raise(const ErrorBuffer &buffer);

// Runs C++ code; whatever it throws is raised as a PostgreSQL error, after the catch block has ended (raising inside
// one would leak the exception object).
template <typename F>
auto guard(F &&function) -> decltype(function()) {
	ErrorBuffer error;
	sigjmp_buf *exception_stack = PG_exception_stack;
	ErrorContextCallback *context_stack = error_context_stack;
	try {
		return function();
	} catch (const PgError &e) {
		error = e.error;
	} catch (const Error &e) {
		save(error, sqlstate_of(e.kind()), e.what());
	} catch (const std::bad_alloc &) {
		save(error, ERRCODE_OUT_OF_MEMORY, "out of memory");
	} catch (const std::exception &e) {
		save(error, ERRCODE_INTERNAL_ERROR, e.what());
	} catch (...) {
		save(error, ERRCODE_INTERNAL_ERROR, "unknown C++ exception");
	}
	PG_exception_stack = exception_stack;
	error_context_stack = context_stack;
	raise(error);
}

// Runs PostgreSQL code that may raise, below C++ frames that own something. `function` itself owns nothing.
template <typename F>
auto pg_call(F &&function) -> decltype(function()) {
	struct Restore {
		sigjmp_buf *exception_stack = PG_exception_stack;
		ErrorContextCallback *context_stack = error_context_stack;
		~Restore() {
			PG_exception_stack = exception_stack;
			error_context_stack = context_stack;
		}
	} restore;
	MemoryContext context = CurrentMemoryContext;
	sigjmp_buf local;
	if (sigsetjmp(local, 0) == 0) {
		PG_exception_stack = &local;
		return function();
	}
	PG_exception_stack = restore.exception_stack;
	error_context_stack = restore.context_stack;
	PgError e;
	take_error(e.error, context);
	throw e;
}

} // namespace ruvector::pg

// PostgreSQL 15 exports nothing under -fvisibility=hidden; later versions export what PG_FUNCTION_INFO_V1 names.
#define RV_EXPORT __attribute__((visibility("default")))

#define RV_FUNCTION(name)                                                                                              \
	static Datum name##_body(FunctionCallInfo fcinfo);                                                                 \
	_Pragma("GCC visibility push(default)") extern "C" {                                                               \
		PG_FUNCTION_INFO_V1(name);                                                                                     \
		RV_EXPORT Datum name(PG_FUNCTION_ARGS) {                                                                       \
			return ::ruvector::pg::guard([&]() -> Datum { return name##_body(fcinfo); });                              \
		}                                                                                                              \
	}                                                                                                                  \
	_Pragma("GCC visibility pop") static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
