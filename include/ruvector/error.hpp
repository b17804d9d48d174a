// error.hpp - the exception of the pure core; pg/boundary.hpp gives each kind its SQLSTATE.
#pragma once

#include <stdexcept>
#include <string>

namespace ruvector {

enum class ErrorKind {
	invalid_argument, // 22023 invalid_parameter_value
	data_exception,   // 22000 data_exception
	out_of_range,     // 22003 numeric_value_out_of_range
	limit_exceeded,   // 54000 program_limit_exceeded
	canceled,         // 57014 query_canceled
	internal,         // XX000 internal_error
};

class Error : public std::runtime_error {
public:
	Error(ErrorKind kind, const std::string &message) : std::runtime_error(message), kind_(kind) {}
	ErrorKind kind() const noexcept { return kind_; }

private:
	ErrorKind kind_;
};

} // namespace ruvector
