// stats/distributions.cpp - the only file that sees Boost.Math.
#include "ruvector/stats/distributions.hpp"

#include <cmath>
#include <limits>

#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>

#include "ruvector/error.hpp"

namespace ruvector::stats {

namespace {

namespace bm = boost::math;

// Double precision is enough, and half the time of long double. Arguments are checked here, so what is left is a result
// that overflows (infinity is right) or underflows (zero is right).
using Policy =
	bm::policies::policy<bm::policies::promote_double<false>, bm::policies::overflow_error<bm::policies::ignore_error>,
						 bm::policies::underflow_error<bm::policies::ignore_error>>;
constexpr Policy kPolicy{};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_probability(double p) {
	if (p < 0 || p > 1)
		throw Error(ErrorKind::invalid_argument, "probability must be between 0 and 1");
}

void check_positive(double x, const char *name) {
	if (!(x > 0))
		throw Error(ErrorKind::invalid_argument, std::string(name) + " must be positive");
}

} // namespace

double normal_cdf(double z) {
	return 0.5 * std::erfc(-z * M_SQRT1_2);
}

double normal_quantile(double p) {
	if (std::isnan(p))
		return p;
	check_probability(p);
	if (p == 0 || p == 1)
		return p == 0 ? -kInfinity : kInfinity;
	return -M_SQRT2 * bm::erfc_inv(2 * p, kPolicy);
}

double student_two_sided(double t, double df) {
	if (std::isnan(t) || std::isnan(df))
		return std::numeric_limits<double>::quiet_NaN();
	check_positive(df, "degrees of freedom");
	if (std::isinf(t))
		return 0;
	if (std::isinf(df))
		return std::erfc(std::fabs(t) * M_SQRT1_2);
	// I_{df/(df+t^2)}(df/2, 1/2), by the complement where that argument is near 1.
	const double square = t * t;
	return square < df ? bm::ibetac(0.5, df / 2, square / (df + square), kPolicy)
					   : bm::ibeta(df / 2, 0.5, df / (df + square), kPolicy);
}

double student_quantile(double p, double df) {
	if (std::isnan(p) || std::isnan(df))
		return std::numeric_limits<double>::quiet_NaN();
	check_probability(p);
	check_positive(df, "degrees of freedom");
	if (std::isinf(df))
		return normal_quantile(p);
	if (p == 0 || p == 1)
		return p == 0 ? -kInfinity : kInfinity;
	if (p == 0.5)
		return 0;
	// x = df/(df+t^2) has I_x(df/2, 1/2) = twice the tail; 1 - x comes with it without cancellation.
	const double tail = p < 0.5 ? p : 1 - p;
	double y;
	const double x = bm::ibeta_inv(df / 2, 0.5, 2 * tail, &y, kPolicy);
	const double t = std::sqrt(df * y / x);
	return p < 0.5 ? -t : t;
}

double beta_cdf(double x, double a, double b) {
	if (std::isnan(x) || std::isnan(a) || std::isnan(b))
		return std::numeric_limits<double>::quiet_NaN();
	check_positive(a, "a");
	check_positive(b, "b");
	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	return bm::ibeta(a, b, x, kPolicy);
}

double beta_quantile(double p, double a, double b) {
	if (std::isnan(p) || std::isnan(a) || std::isnan(b))
		return std::numeric_limits<double>::quiet_NaN();
	check_probability(p);
	check_positive(a, "a");
	check_positive(b, "b");
	return bm::ibeta_inv(a, b, p, kPolicy);
}

double chi_squared_upper(double x, double df) {
	if (std::isnan(x) || std::isnan(df))
		return std::numeric_limits<double>::quiet_NaN();
	check_positive(df, "degrees of freedom");
	return x <= 0 ? 1 : bm::gamma_q(df / 2, x / 2, kPolicy);
}

} // namespace ruvector::stats
