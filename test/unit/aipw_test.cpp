// Doubly robust estimation: what is claimed about bias and coverage, by simulation with fixed seeds; overlap, balance,
// clusters, errors.
#include "check.hpp"

#include <memory>
#include <random>

#include "ruvector/error.hpp"
#include "ruvector/stats/aipw.hpp"
#include "ruvector/stats/distributions.hpp"

using namespace ruvector;
using namespace ruvector::stats;

struct Random {
	std::mt19937_64 bits;
	double uniform() { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; }
	double normal() { return normal_quantile(uniform()); }
};

static double logistic(double x) {
	return 1 / (1 + std::exp(-x));
}

// A sample: `draw` fills the covariates (those from `columns` on stay hidden).
struct Sample {
	std::vector<double> x, y;
	std::unique_ptr<bool[]> treated;
	std::vector<int32_t> cluster;
	size_t columns;

	Units units() const {
		return {y.size(), columns, treated.get(), y.data(), x.data(), cluster.empty() ? nullptr : cluster.data()};
	}
};

struct World {
	size_t drawn, columns; // covariates there are, and how many of them are seen
	double (*covariate)(Random &);
	double (*propensity)(const double *x);
	double (*outcome)(const double *x);
	double noise;
};

static Sample draw(const World &world, size_t n, double effect, Random &random) {
	Sample s;
	s.columns = world.columns;
	s.treated.reset(new bool[n]);
	std::vector<double> x(world.drawn);
	for (size_t i = 0; i < n; ++i) {
		for (double &v : x)
			v = world.covariate(random);
		s.treated[i] = random.uniform() < world.propensity(x.data());
		s.y.push_back(world.outcome(x.data()) + effect * s.treated[i] + world.noise * random.normal());
		s.x.insert(s.x.end(), x.begin(), x.begin() + static_cast<ptrdiff_t>(world.columns));
	}
	return s;
}

struct Summary {
	double naive = 0, mean = 0, sd = 0, se = 0, coverage = 0;
};

static Summary simulate(const char *name, const World &world, size_t n, double effect, int runs,
						Estimand estimand = Estimand::all) {
	Random random{std::mt19937_64(7)};
	Summary r;
	double squares = 0;
	for (int run = 0; run < runs; ++run) {
		const Sample s = draw(world, n, effect, random);
		AipwOptions options;
		options.seed = static_cast<uint64_t>(run);
		options.estimand = estimand;
		const Aipw a = aipw(s.units(), options);
		r.naive += a.naive / runs;
		r.mean += a.ate / runs;
		r.se += a.se / runs;
		squares += a.ate * a.ate / runs;
		r.coverage += (a.interval.low <= effect && effect <= a.interval.high) / static_cast<double>(runs);
	}
	r.sd = std::sqrt(squares - r.mean * r.mean);
	std::printf("# %-18s n %4zu, effect %.2f: naive %6.3f, estimate %.4f (sd %.4f, mean se %.4f), coverage %.3f\n",
				name, n, effect, r.naive, r.mean, r.sd, r.se, r.coverage);
	return r;
}

// The mean of `runs` estimates is off the truth by no more than chance allows.
static bool unbiased(const Summary &r, double effect, int runs) {
	return std::fabs(r.mean - effect) <= 3 * r.sd / std::sqrt(static_cast<double>(runs));
}

// Hard tasks are given to the treatment, and succeed less.
static const World kDifficulty = {1,
								  1,
								  [](Random &random) { return random.uniform(); },
								  [](const double *x) { return logistic(4 * (x[0] - 0.5)); },
								  [](const double *x) { return 1 - 1.2 * x[0]; },
								  0.1};

TEST("aipw: confounding by difficulty is removed, at 60, 150 and 400 units, with and without an effect") {
	constexpr int kRuns = 150;
	for (double effect : {0.0, 0.3})
		for (size_t n : {60, 150, 400}) {
			const Summary r = simulate("difficulty", kDifficulty, n, effect, kRuns);
			CHECK_NEAR(r.naive, effect - 0.34, 0.02); // the naive difference would be wrong every time
			CHECK(unbiased(r, effect, kRuns));
			CHECK(r.coverage >= 0.95 - 3 * std::sqrt(0.95 * 0.05 / kRuns));
			CHECK_NEAR(r.se / r.sd, 1, 0.2);
		}
}

static double gaussian(Random &random) {
	return random.normal();
}

TEST("aipw: one right model is enough; with both wrong nothing helps") {
	constexpr int kRuns = 60;
	const auto logit = [](const double *x) { return logistic(0.8 * x[0] - 0.5 * x[1]); };
	const auto linear = [](const double *x) { return 0.3 * x[0] + 0.1 * x[2]; };
	const auto curved = [](const double *x) { return 0.3 * std::exp(0.6 * x[0]) + 0.2 * x[0] * x[0]; };
	const auto stepped = [](const double *x) { return 0.2 + 0.6 * (std::fabs(x[0] + 0.3) < 1 || x[0] > 0.5); };
	for (const World &world : {World{6, 6, gaussian, logit, linear, 0.5}, World{6, 6, gaussian, logit, curved, 0.5},
							   World{6, 6, gaussian, stepped, linear, 0.5}}) {
		const Summary r = simulate("doubly robust", world, 1000, 0.1, kRuns);
		CHECK(r.naive > 0.2);
		CHECK(unbiased(r, 0.1, kRuns));
		CHECK(r.coverage >= 0.95 - 3 * std::sqrt(0.95 * 0.05 / kRuns));
	}
	const World hidden = {
		7,  6, gaussian, [](const double *x) { return logistic(x[6]); }, [](const double *x) { return 0.2 * x[6]; },
		0.5};
	const Summary r = simulate("hidden confounder", hidden, 1000, 0.1, kRuns);
	CHECK(r.coverage < 0.1);
	CHECK_NEAR(r.mean, r.naive, 0.02);
}

TEST("aipw: the effect on the treated where most others do not resemble them") {
	constexpr int kRuns = 100;
	const World rare = {2,
						2,
						gaussian,
						[](const double *x) { return logistic(2 * x[0] - 4); },
						[](const double *x) { return x[0] + 0.5 * x[1]; },
						0.5};
	const Summary r = simulate("on the treated", rare, 600, 0.2, kRuns, Estimand::treated);
	CHECK(r.naive > 1);
	CHECK(unbiased(r, 0.2, kRuns));
	CHECK(r.coverage >= 0.88);
}

TEST("aipw: an effect that varies has two averages") {
	Random random{std::mt19937_64(3)};
	Sample s;
	s.columns = 1;
	constexpr size_t kUnits = 4000;
	s.treated.reset(new bool[kUnits]);
	double all = 0, treated = 0, n_treated = 0;
	for (size_t i = 0; i < kUnits; ++i) {
		const double x = random.normal(), effect = 1 + x;
		s.treated[i] = random.uniform() < logistic(x);
		s.x.push_back(x);
		s.y.push_back(2 * x + effect * s.treated[i] + 0.3 * random.normal());
		all += effect / kUnits;
		treated += s.treated[i] * effect;
		n_treated += s.treated[i];
	}
	AipwOptions options;
	const Aipw ate = aipw(s.units(), options);
	options.estimand = Estimand::treated;
	const Aipw att = aipw(s.units(), options);
	CHECK_NEAR(ate.ate, all, 0.04);
	CHECK_NEAR(att.ate, treated / n_treated, 0.04);
	CHECK(att.ate > ate.ate + 0.3);
}

TEST("aipw: what is reported about overlap and balance") {
	Random random{std::mt19937_64(4)};
	const Sample s = draw(kDifficulty, 1000, 0, random);
	const Aipw r = aipw(s.units(), {});
	CHECK(r.n == 1000 && r.n_treated > 400 && r.n_treated < 600);
	CHECK(r.min_propensity > 0.05 && r.min_propensity < 0.2 && r.max_propensity > 0.8 && r.max_propensity < 0.95);
	CHECK(r.ess > 500 && r.ess < 1000);
	CHECK(r.smd_before.size() == 1 && r.smd_before[0] > 0.8);
	CHECK(std::fabs(r.smd_after[0]) < 0.1);
	CHECK(r.e_value >= 1 && r.e_value < 1.3);
	CHECK(r.p_value > 0.01);

	// A randomised experiment: the estimate is near the naive one, and more precise.
	const World randomised = {2,  2, gaussian, [](const double *) { return 0.5; }, [](const double *x) { return x[0]; },
							  0.2};
	const Sample e = draw(randomised, 1000, 0.1, random);
	const Aipw a = aipw(e.units(), {});
	CHECK_NEAR(a.ate, 0.1, 0.04);
	CHECK(a.se < 0.02); // a difference of means has .065
	CHECK(a.ess > 980);
}

TEST(
	"aipw: the same seed gives the same bits, another one other folds; scales and constants of columns do not matter") {
	Random random{std::mt19937_64(5)};
	Sample s = draw(kDifficulty, 200, 0.3, random);
	AipwOptions options;
	const Aipw first = aipw(s.units(), options), second = aipw(s.units(), options);
	CHECK(first.ate == second.ate && first.se == second.se);
	options.seed = 1;
	CHECK(aipw(s.units(), options).ate != first.ate);
	Sample wide = draw(kDifficulty, 200, 0.3, random);
	wide.y = s.y;
	wide.treated.swap(s.treated);
	wide.columns = 2;
	wide.x.clear();
	for (double x : s.x) {
		wide.x.push_back(1e6 * x + 1e7);
		wide.x.push_back(0.1); // constant, and not a binary fraction
	}
	const Aipw scaled = aipw(wide.units(), {});
	CHECK_NEAR(scaled.ate, first.ate, 1e-6);
	CHECK(std::isnan(scaled.smd_before[1]));
	// Without covariates it is the naive difference, up to the folds.
	wide.columns = 0;
	const Aipw none = aipw(wide.units(), {});
	CHECK_NEAR(none.ate, none.naive, 1e-2);
	CHECK(none.smd_before.empty());
}

TEST("aipw: intervals cover under clustering only if the clusters are told") {
	Random random{std::mt19937_64(6)};
	constexpr int kRuns = 120, kClusters = 60, kSize = 12;
	int told = 0, untold = 0;
	for (int run = 0; run < kRuns; ++run) {
		Sample s;
		s.columns = 1;
		s.treated.reset(new bool[kClusters * kSize]);
		for (int c = 0; c < kClusters; ++c) {
			const double shared = random.normal(), chance = random.uniform() < 0.5 ? 0.1 : 0.9;
			for (int i = 0; i < kSize; ++i) {
				const double x = random.normal();
				s.treated[s.y.size()] = random.uniform() < chance;
				s.x.push_back(x);
				s.y.push_back(x + shared + 0.5 * s.treated[s.y.size()] + 0.5 * random.normal());
				s.cluster.push_back(1000 - c);
			}
		}
		const Aipw with = aipw(s.units(), {});
		s.cluster.clear();
		const Aipw without = aipw(s.units(), {});
		told += with.interval.low <= 0.5 && 0.5 <= with.interval.high;
		untold += without.interval.low <= 0.5 && 0.5 <= without.interval.high;
	}
	std::printf("# coverage with clusters %.3f, without %.3f\n", told / double(kRuns), untold / double(kRuns));
	CHECK(told >= 0.88 * kRuns);
	CHECK(untold <= 0.75 * kRuns);
}

TEST("aipw: perfect separation and a constant outcome do not break it") {
	Sample s;
	s.columns = 1;
	s.treated.reset(new bool[100]);
	for (int i = 0; i < 100; ++i) {
		s.treated[i] = i >= 50;
		s.x.push_back(i);
		s.y.push_back(1);
	}
	const Aipw r = aipw(s.units(), {});
	CHECK_NEAR(r.ate, 0, 1e-12);
	CHECK(r.min_propensity < 0.05 && r.max_propensity > 0.95);
	CHECK(std::isnan(r.e_value));
}

static bool refused(const Units &units, const AipwOptions &options, const char *message) {
	try {
		aipw(units, options);
	} catch (const Error &e) {
		return e.kind() == ErrorKind::invalid_argument && std::string(e.what()).find(message) != std::string::npos;
	}
	return false;
}

TEST("aipw: errors") {
	Random random{std::mt19937_64(8)};
	Sample s = draw(kDifficulty, 100, 0, random);
	AipwOptions options;
	options.folds = 1;
	CHECK(refused(s.units(), options, "folds"));
	options = {};
	options.clip = 0.5;
	CHECK(refused(s.units(), options, "propensity_clip"));
	options = {};
	s.cluster.assign(100, 1);
	CHECK(refused(s.units(), options, "fewer clusters than folds"));
	for (int i = 0; i < 100; ++i) { // all treated units are in one cluster
		s.treated[i] = i < 20;
		s.cluster[static_cast<size_t>(i)] = i < 20 ? 0 : i;
	}
	CHECK(refused(s.units(), options, "fewer than two treated"));
	for (int i = 0; i < 100; ++i)
		s.treated[i] = i < 9;
	CHECK(refused(s.units(), options, "too few treated units: 9"));
	for (int i = 0; i < 100; ++i)
		s.treated[i] = true;
	CHECK(refused(s.units(), options, "too few untreated units: 0"));
}
