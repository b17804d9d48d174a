// Distributions, intervals and tests of the room stats: reference values (computed with 30 digits by other code), limits,
// and what is claimed about error rates, by simulation with fixed seeds.
#include "check.hpp"

#include <algorithm>
#include <limits>
#include <random>

#include "ruvector/error.hpp"
#include "ruvector/stats/distributions.hpp"
#include "ruvector/stats/effects.hpp"
#include "ruvector/stats/proportions.hpp"

using namespace ruvector;
using namespace ruvector::stats;

static const double kInfinity = std::numeric_limits<double>::infinity();

template <typename F>
static bool refused(F &&call) {
	try {
		call();
	} catch (const Error &e) {
		return e.kind() == ErrorKind::invalid_argument;
	}
	return false;
}

// Relative closeness.
#define CHECK_CLOSE(a, b) CHECK_NEAR((a) / (b), 1.0, 1e-10)

struct Normal {
	std::mt19937_64 bits;
	explicit Normal(uint64_t seed) : bits(seed) {}
	double uniform() { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; }
	double operator()() { return normal_quantile(uniform()); }
};

TEST("distributions: reference values") {
	CHECK_CLOSE(normal_quantile(0.975), 1.95996398454005423552);
	CHECK_CLOSE(normal_quantile(1e-10), -6.36134090240405620470);
	CHECK_CLOSE(normal_cdf(-1.95996398454005423552), 0.025);
	CHECK_CLOSE(student_two_sided(2, 5), 0.101939478829858356245);
	CHECK_CLOSE(student_two_sided(-0.001, 3), 0.999264894969460938015);
	CHECK_CLOSE(student_two_sided(40, 4), 2.33401632260126859526e-6);
	CHECK_CLOSE(student_two_sided(1.95996398454005423552, kInfinity), 0.05);
	CHECK_CLOSE(student_quantile(0.975, 4), 2.77644510519779435780);
	CHECK_CLOSE(student_quantile(0.001, 2.5), -13.8221931108659646395);
	CHECK_CLOSE(student_quantile(0.6, 1000), 0.253414515839498764770);
	CHECK(student_quantile(0.5, 7) == 0);
	CHECK(student_quantile(1, 7) == kInfinity);
	CHECK_CLOSE(beta_cdf(0.3, 2, 5), 0.579825);
	CHECK_CLOSE(beta_cdf(0.01, 0.5, 0.5), 0.0637685608585198479168);
	CHECK_CLOSE(beta_quantile(0.025, 9, 3), 0.482244147639827291342);
	CHECK(beta_quantile(0, 2, 2) == 0);
	CHECK(beta_quantile(1, 2, 2) == 1);
	CHECK_CLOSE(chi_squared_upper(7.8147, 3), 0.0500006252847600897856);
	CHECK(chi_squared_upper(0, 3) == 1);
	CHECK(refused([] { normal_quantile(1.5); }));
	CHECK(refused([] { beta_cdf(0.5, 0, 1); }));
	CHECK(refused([] { student_quantile(0.5, -1); }));
}

TEST("distributions: quantile and distribution function are inverse") {
	for (double p : {1e-8, 0.003, 0.2, 0.5, 0.77, 0.9999}) {
		CHECK_CLOSE(normal_cdf(normal_quantile(p)), p);
		for (double a : {0.3, 1.0, 7.5, 900.0})
			for (double b : {0.6, 2.0, 40.0})
				CHECK_CLOSE(beta_cdf(beta_quantile(p, a, b), a, b), p);
		for (double df : {1.0, 2.7, 30.0, 1e6})
			CHECK_CLOSE(student_two_sided(student_quantile(p, df), df), 2 * std::min(p, 1 - p));
	}
}

TEST("wilson_interval: reference values, ends, errors") {
	const Interval all = wilson_interval({3, 3}, 0.95), most = wilson_interval({8, 10}, 0.95),
				   none = wilson_interval({0, 5}, 0.95), nothing = wilson_interval({0, 0}, 0.95);
	CHECK_NEAR(all.low, 0.4385, 5e-5);
	CHECK(all.high == 1);
	CHECK_NEAR(most.low, 0.4902, 5e-5);
	CHECK_NEAR(most.high, 0.9433, 5e-5);
	CHECK(none.low == 0);
	CHECK_NEAR(none.high, 0.4345, 5e-5);
	CHECK(nothing.low == 0 && nothing.high == 1);
	CHECK(refused([] { wilson_interval({4, 3}, 0.95); }));
	CHECK(refused([] { wilson_interval({-1, 3}, 0.95); }));
	CHECK(refused([] { wilson_interval({1, 3}, 1); }));
	CHECK(refused([] { wilson_interval({1, 3}, std::nan("")); }));
}

TEST("newcombe_interval and beta_superiority: reference values") {
	const ProportionDifference d = newcombe_interval({56, 70}, {48, 80}, 0.95);
	CHECK_NEAR(d.difference, 0.2, 1e-12);
	CHECK_NEAR(d.interval.low, 0.0524, 5e-5);
	CHECK_NEAR(d.interval.high, 0.3339, 5e-5);
	CHECK(std::isnan(newcombe_interval({0, 0}, {1, 2}, 0.95).difference));
	CHECK_NEAR(beta_superiority(9, 3, 6, 6), 0.908668730650154798762, 1e-12);
	CHECK_NEAR(beta_superiority(0.5, 0.5, 3, 2), 0.4296875, 1e-12);
	CHECK_NEAR(beta_superiority(3, 100, 1, 1), 0.0291262135922330097, 1e-12);
	CHECK_NEAR(beta_superiority(200, 300, 2, 3), 0.524455926843215820187, 1e-12);
	CHECK_NEAR(beta_superiority(1e6, 1e6, 1e6, 1e6), 0.5, 1e-12);
	CHECK_NEAR(beta_superiority(0.01, 0.02, 3e7, 2e7) + beta_superiority(3e7, 2e7, 0.01, 0.02), 1, 1e-12);
	CHECK(refused([] { beta_superiority(0, 1, 1, 1); }));
}

TEST("fisher_exact: reference values by exact summation") {
	struct {
		Table table;
		double p_value, p_greater, p_less;
	} const cases[] = {
		{{3, 1, 1, 3}, 0.485714285714286, 0.242857142857143, 0.985714285714286},
		{{12, 5, 2, 9}, 0.0183066361556064, 0.0091533180778032, 0.999330451733198},
		{{0, 10, 10, 0}, 1.0825088224469e-5, 1.0, 5.41254411223451e-6},
		{{1, 11, 9, 3}, 0.00275945618522008, 0.999966348095302, 0.00137972809261004},
		{{500, 400, 300, 450}, 3.15444760426896e-10, 1.92138355372189e-10, 0.999999999899052},
		{{5, 5, 5, 5}, 1, 0.67185910065167, 0.67185910065167},
		{{90, 10, 40, 60}, 5.03310969631159e-14, 2.5165548481558e-14, 0.999999999999998},
		{{0, 0, 3, 4}, 1, 1, 1},
		{{2, 3, 6, 4}, 0.608391608391608, 0.8997668997669, 0.426573426573427},
	};
	for (const auto &c : cases) {
		const FisherTest r = fisher_exact(c.table);
		CHECK_NEAR(r.p_value / c.p_value, 1, 1e-9);
		CHECK_NEAR(r.p_greater / c.p_greater, 1, 1e-9);
		CHECK_NEAR(r.p_less / c.p_less, 1, 1e-9);
	}
	CHECK(fisher_exact({3, 1, 1, 3}).odds_ratio == 9);
	CHECK(fisher_exact({3, 0, 1, 3}).odds_ratio == kInfinity);
	CHECK(std::isnan(fisher_exact({0, 0, 3, 4}).odds_ratio));
	CHECK(refused([] { fisher_exact({-1, 0, 1, 3}); }));
	// Counts as large as they come are no loop over the support.
	CHECK_NEAR(fisher_exact({500000000, 500000000, 500000000, 500000000}).p_value, 1, 1e-6);
}

TEST("fisher_exact: every table of 13 agrees with the sum over its margins") {
	for (int a = 0; a <= 13; ++a)
		for (int b = 0; a + b <= 13; ++b)
			for (int c = 0; a + b + c <= 13; ++c) {
				const int d = 13 - a - b - c;
				const auto choose = [](int n, int k) {
					return std::round(std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1)));
				};
				const double all = choose(13, a + c), mine = choose(a + b, a) * choose(c + d, c) / all;
				double two = 0, greater = 0, less = 0;
				for (int x = std::max(0, a - d); x <= std::min(a + b, a + c); ++x) {
					const double p = choose(a + b, x) * choose(c + d, a + c - x) / all;
					two += p <= mine * (1 + 1e-7) ? p : 0;
					greater += x >= a ? p : 0;
					less += x <= a ? p : 0;
				}
				const FisherTest r = fisher_exact({a, b, c, d});
				CHECK_NEAR(r.p_value, two, 1e-11);
				CHECK_NEAR(r.p_greater, greater, 1e-11);
				CHECK_NEAR(r.p_less, less, 1e-11);
			}
}

TEST("log_likelihood_ratio") {
	const LikelihoodRatioTest r = log_likelihood_ratio({10, 20, 30, 15});
	CHECK_CLOSE(r.g2, 8.16137115285078151432671);
	CHECK_CLOSE(r.p_value, 0.00427920072986234168);
	CHECK(log_likelihood_ratio({10, 20, 30, 60}).p_value > 0.999999);
	CHECK(log_likelihood_ratio({0, 0, 0, 0}).g2 == 0);
	CHECK(log_likelihood_ratio({0, 5, 5, 0}).g2 > 13);
}

static const std::vector<double> kTreatment = {.9, .8, .7, .95, .85, .6, .75, .9};
static const std::vector<double> kControl = {.5, .6, .7, .4, .55, .65, .6, .5};

static Moments moments_of(const std::vector<double> &x) {
	return moments(x.data(), x.size());
}

TEST("welch_test: reference values") {
	const WelchTest r = welch_test(moments_of(kTreatment), moments_of(kControl), 0.95);
	CHECK_NEAR(r.uplift, .24375, 1e-12);
	CHECK_NEAR(r.se, .0536086, 5e-8);
	CHECK_NEAR(r.df, 13.42067, 5e-6);
	CHECK_NEAR(r.t, 4.546844, 5e-7);
	CHECK_NEAR(r.p_value, .000506616, 5e-10);
	CHECK_NEAR(r.interval.low, .1283036, 5e-8);
	CHECK_NEAR(r.interval.high, .3591964, 5e-8);
}

TEST("welch_test: too little data is NaN, not zero; large offsets do not cancel") {
	const WelchTest one = welch_test(moments_of({1}), moments_of({1, 2, 3}), 0.95);
	CHECK(std::isnan(one.uplift) && std::isnan(one.se) && std::isnan(one.p_value) && std::isnan(one.interval.low));
	const WelchTest constant = welch_test(moments_of({1, 1}), moments_of({0, 0}), 0.95);
	CHECK(constant.uplift == 1 && constant.se == 0);
	CHECK(std::isnan(constant.p_value) && std::isnan(constant.interval.low));
	CHECK(std::isnan(moments(nullptr, 0).mean));
	const Moments far = moments_of({1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16});
	CHECK(far.mean == 1e9 + 10 && far.variance == 30);
	CHECK(refused([] { welch_test({2, 0, -1}, {2, 0, 1}, 0.95); }));
}

TEST("sequential_test and shrink: reference values") {
	const WelchTest arms = welch_test(moments_of(kTreatment), moments_of(kControl), 0.95);
	const SequentialTest r = sequential_test(arms.uplift, arms.se, 0.5, 0.95);
	CHECK_NEAR(r.likelihood_ratio, 2924.2763, 5e-5);
	CHECK_NEAR(r.always_valid_p, .000341965, 5e-10);
	CHECK_NEAR(r.sequence.low, .069303, 5e-7);
	CHECK_NEAR(r.sequence.high, .418197, 5e-7);
	CHECK(r.decided);
	CHECK(!sequential_test(0.1, 0.1, 0.5, 0.95).decided);
	CHECK(sequential_test(0, 0.1, 0.5, 0.95).always_valid_p == 1);
	CHECK(std::isnan(sequential_test(0.1, 0, 0.5, 0.95).always_valid_p));
	CHECK(refused([] { sequential_test(0.1, 0.1, 0, 0.95); }));
	// The sequence excludes zero exactly where the p-value is below its level.
	for (double uplift = 0; uplift < 0.5; uplift += 0.001) {
		const SequentialTest s = sequential_test(uplift, 0.07, 0.5, 0.95);
		CHECK(s.decided == (s.always_valid_p < 0.05));
	}

	const Shrunk s = shrink(arms.uplift, arms.se, 0.5);
	CHECK_NEAR(s.mean, .24098, 5e-6);
	CHECK_NEAR(s.sd, .053303, 5e-7);
	CHECK_NEAR(s.confidence, .999997, 5e-7);
	CHECK(shrink(0, 0.1, 0.5).confidence == 0.5);
	CHECK(shrink(1e300, kInfinity, 0.5).confidence == 0.5);
	CHECK(std::isnan(shrink(1, 0, 0.5).confidence));
	CHECK_NEAR(shrink(1, 1e200, 0.5).sd, 0.5, 1e-12);
}

TEST("pool_effects") {
	const double effects[] = {0.1, 0.3, 0.35}, ses[] = {0.05, 0.1, 0.2};
	const Pooled r = pool_effects(effects, ses, 3);
	// Weights 400, 100, 25.
	CHECK_CLOSE(r.effect, (40 + 30 + 8.75) / 525);
	CHECK_CLOSE(r.se, 1 / std::sqrt(525.0));
	const double q = 400 * .05 * .05 + 100 * .15 * .15 + 25 * .2 * .2;
	CHECK_CLOSE(r.q, q);
	CHECK_CLOSE(r.q_p_value, std::exp(-q / 2)); // chi-squared with 2 degrees of freedom
	CHECK_CLOSE(r.i2, (q - 2) / q);
	CHECK_CLOSE(r.tau2, (q - 2) / (525 - (160000 + 10000 + 625) / 525.0));
	const Pooled one = pool_effects(effects, ses, 1);
	CHECK_CLOSE(one.effect, 0.1);
	CHECK(one.i2 == 0 && std::isnan(one.q_p_value));
	CHECK(std::isnan(pool_effects(effects, ses, 0).effect));
	const double zero[] = {0};
	CHECK(refused([&] { pool_effects(effects, zero, 1); }));
}

TEST("benjamini_hochberg") {
	const double nan = std::nan("");
	const double p[] = {0.03, nan, 0.01, 0.04, 0.02, 0.8};
	const auto q = benjamini_hochberg(p, 6);
	CHECK_NEAR(q[0], 0.05, 1e-15); // 0.03 * 5 / 3 = 0.05, as is 0.04 * 5 / 4
	CHECK(std::isnan(q[1]));
	CHECK_NEAR(q[2], 0.05, 1e-15);
	CHECK_NEAR(q[3], 0.05, 1e-15);
	CHECK_NEAR(q[4], 0.05, 1e-15);
	CHECK_NEAR(q[5], 0.8, 1e-15);
	CHECK(benjamini_hochberg(p, 0).empty());
	const double bad[] = {1.1};
	CHECK(refused([&] { benjamini_hochberg(bad, 1); }));
}

TEST("benjamini_hochberg: false discoveries stay below the rate") {
	Normal normal(11);
	double share = 0;
	constexpr int kRuns = 400, kNull = 80, kReal = 20;
	for (int run = 0; run < kRuns; ++run) {
		std::vector<double> p;
		for (int i = 0; i < kNull + kReal; ++i)
			p.push_back(2 * normal_cdf(-std::fabs(normal() + (i < kReal ? 3 : 0))));
		const auto q = benjamini_hochberg(p.data(), p.size());
		int found = 0, wrong = 0;
		for (int i = 0; i < kNull + kReal; ++i)
			if (q[i] <= 0.1)
				++(i < kReal ? found : wrong);
		share += found + wrong == 0 ? 0 : wrong / static_cast<double>(found + wrong);
	}
	// Exactly 0.08 = 0.1 * 80 / 100 for independent tests.
	CHECK_NEAR(share / kRuns, 0.08, 0.012);
}

TEST("e_value, correlation_p_value") {
	CHECK(e_value(0) == 1);
	CHECK_CLOSE(e_value(0.5), 2.52914198186126910955);
	CHECK(e_value(-0.5) == e_value(0.5));
	CHECK_CLOSE(correlation_p_value(0.5, 20), 0.0235220545128149694738999844532);
	CHECK(correlation_p_value(1, 20) == 0);
	CHECK(correlation_p_value(0, 20) == 1);
	CHECK(std::isnan(correlation_p_value(0.5, 3)));
	CHECK(refused([] { correlation_p_value(1.1, 20); }));
}

TEST("conformal_quantile") {
	std::vector<double> s;
	for (int i = 19; i >= 1; --i)
		s.push_back(i / 10.0);
	CHECK_NEAR(conformal_quantile(s.data(), 19, 0.1), 1.8, 1e-12);
	CHECK(conformal_quantile(s.data(), 8, 0.1) == kInfinity);
	CHECK(conformal_quantile(s.data(), 9, 0.1) == 1.9);
	CHECK(conformal_quantile(s.data(), 0, 0.1) == kInfinity);
	CHECK_NEAR(conformal_quantile(s.data(), 19, 1 - 1e-16), 0.1, 1e-12);
	// The rank is exact for every n and alpha = j / 100, whatever the rounding of the product.
	std::vector<double> ranks;
	for (int n = 1; n <= 400; ++n) {
		ranks.push_back(n);
		for (int j = 1; j < 100; ++j) {
			const int rank = ((n + 1) * (100 - j) + 99) / 100;
			CHECK(conformal_quantile(ranks.data(), ranks.size(), j / 100.0) == (rank > n ? kInfinity : rank));
		}
	}
	CHECK(refused([&] { conformal_quantile(s.data(), 19, 0); }));
	CHECK(refused([&] { conformal_quantile(s.data(), 19, 1); }));
	s[3] = std::nan("");
	CHECK(refused([&] { conformal_quantile(s.data(), 19, 0.1); }));
}

TEST("conformal_quantile: coverage") {
	Normal normal(5);
	int covered = 0;
	constexpr int kRuns = 4000, kScores = 39;
	for (int run = 0; run < kRuns; ++run) {
		double scores[kScores];
		for (double &s : scores)
			s = std::fabs(normal());
		covered += std::fabs(normal()) <= conformal_quantile(scores, kScores, 0.1);
	}
	CHECK_NEAR(covered / static_cast<double>(kRuns), 0.9, 3 * std::sqrt(0.09 / kRuns));
}

TEST("wilson_interval: coverage, exactly, averaged over success rates") {
	constexpr int kTrials = 40, kRates = 1000;
	Interval intervals[kTrials + 1];
	for (int s = 0; s <= kTrials; ++s)
		intervals[s] = wilson_interval({s, kTrials}, 0.95);
	double mean = 0, least = 1;
	for (int i = 0; i < kRates; ++i) {
		const double p = (i + 0.5) / kRates;
		double covered = 0, pmf = std::pow(1 - p, kTrials);
		for (int s = 0; s <= kTrials; pmf *= (kTrials - s) / (s + 1.0) * p / (1 - p), ++s)
			covered += intervals[s].low <= p && p <= intervals[s].high ? pmf : 0;
		mean += covered / kRates;
		least = std::min(least, covered);
	}
	CHECK_NEAR(mean, 0.95, 0.005);
	CHECK(least > 0.83);
}

TEST("welch_test: A/A tests of 5 per arm reject as often as they say") {
	Normal normal(1);
	for (double sd : {1.0, 3.0}) {
		int rejected = 0;
		constexpr int kRuns = 4000;
		for (int run = 0; run < kRuns; ++run) {
			double a[5], b[5];
			for (int i = 0; i < 5; ++i) {
				a[i] = 0.5 + 0.2 * sd * normal();
				b[i] = 0.5 + 0.2 * normal();
			}
			rejected += welch_test(moments(a, 5), moments(b, 5), 0.95).p_value < 0.05;
		}
		const double rate = rejected / static_cast<double>(kRuns);
		std::printf("# sd ratio %g: %.4f\n", sd, rate);
		CHECK(rate >= 0.035 && rate <= 0.065);
	}
}

TEST("sequential_test: 39 looks at an A/A test keep the error; a fixed-sample test does not") {
	Normal normal(2);
	int fixed = 0, always_valid = 0, missed = 0;
	constexpr int kRuns = 2000, kLooks = 39, kStep = 5;
	for (int run = 0; run < kRuns; ++run) {
		std::vector<double> a, b;
		bool fixed_rejects = false, sequential_rejects = false, covered = true;
		for (int look = 0; look < kLooks + 1; ++look) {
			for (int i = 0; i < kStep; ++i) {
				a.push_back(0.5 + 0.25 * normal());
				b.push_back(0.5 + 0.25 * normal());
			}
			if (look == 0) // from 10 per arm
				continue;
			const WelchTest w = welch_test(moments_of(a), moments_of(b), 0.95);
			const SequentialTest s = sequential_test(w.uplift, w.se, 0.5, 0.95);
			fixed_rejects |= w.p_value < 0.05;
			sequential_rejects |= s.always_valid_p < 0.05;
			covered &= s.sequence.low <= 0 && 0 <= s.sequence.high;
		}
		fixed += fixed_rejects;
		always_valid += sequential_rejects;
		missed += !covered;
	}
	std::printf("# ever p < 0.05: fixed %.4f, always valid %.4f\n", fixed / double(kRuns),
				always_valid / double(kRuns));
	CHECK(fixed > 0.2 * kRuns);
	CHECK(always_valid <= 0.06 * kRuns);
	CHECK(missed == always_valid);
}
