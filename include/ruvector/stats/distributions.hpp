// stats/distributions.hpp - distribution functions and quantiles. Boost.Math does the work, in one translation unit.
//
// A probability of 0 or 1 has an infinite quantile where the support is infinite. Parameters outside their range throw
// Error(invalid_argument); NaN gives NaN.
#pragma once

namespace ruvector::stats {

double normal_cdf(double z);
double normal_quantile(double p);

// Two-sided p-value of a t statistic; df may be fractional (Welch) or infinite (normal).
double student_two_sided(double t, double df);
double student_quantile(double p, double df);

double beta_cdf(double x, double a, double b);
double beta_quantile(double p, double a, double b);

// Upper tail of chi-squared.
double chi_squared_upper(double x, double df);

} // namespace ruvector::stats
