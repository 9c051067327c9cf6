# Start task: the Python that tasks run, in $env:AZ_BATCH_NODE_SHARED_DIR\python\Scripts\python.exe. What
# python_packages.sh is on Linux.
#
#   python_packages.ps1 REQUIREMENTS [PYTHON]
#
# Makes a virtual environment of PYTHON (python) and installs the requirements, all of them pinned, into it; a complete
# one is kept. Windows has no Python of its own: let windows_packages.ps1 install one before. With $env:WHEEL_CACHE (the
# address of a folder in a container) wheels come from there, if a node has put them there; else this node builds them
# and does. A cache that is missing or broken costs time, nothing else.

$UvVersion = '0.13.9' # As in python_packages.sh.

# The lines that are not NAME==VERSION, by their numbers: another day they would be another environment.
function Get-Unpinned([string]$File) {
    $name = '[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._, -]*\])?'
    $version = '\s*==\s*[A-Za-z0-9.!+_-]+(\s*;[^#]*[^#\s])?(\s+--hash=sha(256|384|512):[0-9a-f]+)*'
    $pinned = "^\s*($name$version\s*(\s#.*)?|#.*)?`$"
    $before = ''
    $number = 0
    foreach ($text in [IO.File]::ReadAllLines((Join-Path (Get-Location) $File))) {
        $number++
        $line = $before + $text
        $before = ''
        if ($line.EndsWith('\')) {
            $before = $line.Substring(0, $line.Length - 1)
        }
        elseif ($line -notmatch $pinned) {
            "line ${number}: $($line.TrimStart() -replace '[^A-Za-z0-9._-].*', '')" # The rest may be a secret.
        }
    }
}

function New-Environment([string]$Python, [string]$Target) {
    Invoke-Program $Python @('-m', 'venv', '--clear', $Target)
}

# Installs uv and with it the requirements; further options say where both come from.
function Install-Requirements([string]$Target, [string]$Requirements, [string[]]$From = @()) {
    $python = Join-Path $Target 'Scripts\python.exe'
    $hashes = @()
    if (Select-String -LiteralPath $Requirements -SimpleMatch '--hash=' -Quiet) {
        $hashes = @('--require-hashes')
    }
    $pip = @('-m', 'pip', '--quiet', '--disable-pip-version-check', 'install')
    Invoke-Program $python ($pip + $From + "uv==$UvVersion")
    $words = @('pip', 'install', '--python', $python) + $From + $hashes + @('--requirement', $Requirements)
    Invoke-Program (Join-Path $Target 'Scripts\uv.exe') $words
}

# What a cache is good for: these requirements on this Python and this system.
function Get-CacheUrl([string]$Target, [string]$Digest) {
    $code = 'import sys, sysconfig; print(sys.implementation.cache_tag, sysconfig.get_platform(), sep=chr(45))'
    $platform = & (Join-Path $Target 'Scripts\python.exe') -c $code
    return "$($env:WHEEL_CACHE.TrimEnd('/'))/$($Digest.Substring(0, 32))-$platform.zip"
}

# Installs from the wheels of the cache; false when there are none of use.
function Install-FromCache([string]$Target, [string]$Requirements, [string]$Url, [string]$Work) {
    try {
        Save-Blob $Url "$Work\wheels.zip"
        Expand-Archive -LiteralPath "$Work\wheels.zip" -DestinationPath "$Work\wheels" -Force
        Install-Requirements $Target $Requirements @('--no-index', '--find-links', "$Work\wheels")
        Write-Host "installed from the cache: $Url"
        return $true
    }
    catch {
        Write-Host "no use of the wheel cache: $($_.Exception.Message)"
        return $false
    }
}

# Builds or fetches all wheels, installs from them alone, so that they are known to be enough, and shares them.
function Install-AndFillCache([string]$Target, [string]$Requirements, [string]$Url, [string]$Work) {
    $wheel = @('-m', 'pip', '--quiet', '--disable-pip-version-check', 'wheel', '--wheel-dir', "$Work\wheels")
    Invoke-Program (Join-Path $Target 'Scripts\python.exe') ($wheel + "uv==$UvVersion")
    Invoke-Program (Join-Path $Target 'Scripts\python.exe') ($wheel + @('--requirement', $Requirements))
    Install-Requirements $Target $Requirements @('--no-index', '--find-links', "$Work\wheels")
    try {
        Compress-Archive -Path "$Work\wheels\*" -DestinationPath "$Work\made.zip" -CompressionLevel NoCompression
        Send-Blob "$Work\made.zip" $Url
    }
    catch {
        Write-Host "the wheels could not be put into the cache: $($_.Exception.Message)"
    }
}

function Install-All([string]$Requirements, [string]$Python, [string]$Target, [string]$Work, [string]$Digest) {
    New-Environment $Python $Target
    if (-not $env:WHEEL_CACHE) {
        Install-Requirements $Target $Requirements
        return
    }
    $url = Get-CacheUrl $Target $Digest
    if (Install-FromCache $Target $Requirements $url $Work) {
        return
    }
    Remove-Item -Path "$Work\*" -Recurse -Force
    New-Environment $Python $Target # Nothing of what may be broken stays.
    try {
        Install-AndFillCache $Target $Requirements $url $Work
    }
    catch {
        Write-Host "the wheels could not be built: $($_.Exception.Message)"
        Install-Requirements $Target $Requirements
    }
}

function Install-Once([string]$Requirements, [string]$Python) {
    $target = Join-Path $env:AZ_BATCH_NODE_SHARED_DIR 'python'
    $work = Join-Path $env:AZ_BATCH_NODE_SHARED_DIR '.python-work'
    $stamp = Join-Path $target '.complete'
    $digest = "$((Get-FileHash -LiteralPath $Requirements -Algorithm SHA256).Hash) $Python $UvVersion"
    if ((Test-Path -LiteralPath $stamp) -and (Get-Content -LiteralPath $stamp) -eq $digest) {
        Write-Output "$target is complete already"
        return
    }
    if (Test-Path -LiteralPath $work) {
        Remove-Item -LiteralPath $work -Recurse -Force
    }
    $null = New-Item -ItemType Directory -Path "$work\wheels"
    $env:UV_CACHE_DIR = "$work\uv-cache"
    $env:UV_NO_PROGRESS = '1'
    $env:UV_SYSTEM_CERTS = '1'
    Install-All $Requirements $Python $target $work $digest
    Remove-Item -LiteralPath $work -Recurse -Force
    Set-Content -LiteralPath $stamp -Value $digest
    Write-Output "$target is ready"
}

if ($args.Count -lt 1 -or $args.Count -gt 2) {
    throw 'one or two arguments are needed: python_packages.ps1 REQUIREMENTS [PYTHON]'
}
$requirements = [string]$args[0]
$python = if ($args.Count -eq 2) { [string]$args[1] } else { 'python' }
if (-not (Test-Path -LiteralPath $requirements -PathType Leaf)) {
    throw "the requirements file $requirements can't be read in $(Get-Location)"
}
$wrong = @(Get-Unpinned $requirements)
if ($wrong.Count -gt 0) {
    throw "$requirements must hold lines NAME==VERSION only (with marker and --hash if need be): $($wrong -join '; ')"
}
if (-not (Get-Command $python -ErrorAction SilentlyContinue)) {
    throw "there is no $python on this node; let windows_packages.ps1 install Python before"
}
Invoke-Alone 'python' { Install-Once $requirements $python }
